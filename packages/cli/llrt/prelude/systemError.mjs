// Errors of the system. Superfluous when an error of LLRT has its code.

const codes = {
  1: "EPERM",
  2: "ENOENT",
  13: "EACCES",
  17: "EEXIST",
  18: "EXDEV",
  20: "ENOTDIR",
  21: "EISDIR",
  22: "EINVAL",
  24: "EMFILE",
  28: "ENOSPC",
  30: "EROFS",
  32: "EPIPE",
  39: "ENOTEMPTY",
  40: "ELOOP",
  97: "EAFNOSUPPORT",
  98: "EADDRINUSE",
  99: "EADDRNOTAVAIL",
  101: "ENETUNREACH",
  104: "ECONNRESET",
  107: "ENOTCONN",
  110: "ETIMEDOUT",
  111: "ECONNREFUSED",
  113: "EHOSTUNREACH"
}

export const systemError = (cause) => {
  const error = cause instanceof Error ? cause : new Error(String(cause))
  const code = codes[/\(os error (\d+)\)/.exec(error.message)?.[1]]
  return code === undefined ? error : Object.assign(error, { code })
}
