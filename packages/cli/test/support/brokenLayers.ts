/** Layers with one fault each, and what has to be said about it. */
import type { Finding, Target } from "../../src/check/Finding.ts"
import * as Stub from "../../src/build/entry/Stub.ts"
import {
  arm64,
  beside,
  cutOff,
  elfOf,
  type File,
  good,
  llrtLayer,
  llrtOf,
  program,
  script,
  x64
} from "./foreignLayer.ts"

/** The secrets are put together here, so that a scanner finds none in this file. */
export const accessKey = `AK${"IA"}Z7QWERTYUIOP2345`
const githubToken = `gh${"p_"}${"a1B2c3D4e5".repeat(4)}`
const privateKey = `-----BEGIN ${"RSA PRIVATE"} KEY-----\\n${"MIIEowIBAAKCAQEA".repeat(4)}`
const password = "kX9vQ2mZ7rT4wB1n"
export const secrets = [accessKey, githubToken, privateKey, password]

export interface Broken {
  readonly title: string
  readonly files: ReadonlyArray<File>
  readonly runtimes?: string
  readonly arch?: Target["arch"]
  /** Severity, code, path, and words of the message. */
  readonly finding: readonly [Finding["severity"], string, string, RegExp]
}

export const broken: ReadonlyArray<Broken> = [
  {
    title: "nothing in extensions/",
    files: [{ path: "hello/index.cjs", bytes: "" }],
    finding: ["error", "no-extension", "extensions", /no file in extensions/]
  },
  {
    title: "Extensions/ in upper case",
    files: [{ ...good, path: "Extensions/hello" }],
    finding: ["error", "no-extension", "extensions", /there is Extensions\//]
  },
  {
    title: "the extension at the top",
    files: [{ ...good, path: "hello" }],
    finding: ["error", "no-extension", "extensions", /hello is at the top/]
  },
  {
    title: "a folder around everything",
    files: [{ ...good, path: "my-layer/extensions/hello" }],
    finding: ["error", "wrapped", "my-layer", /one level too deep/]
  },
  {
    title: "a sub-directory in extensions/",
    files: [good, { ...good, path: "extensions/lib/helper.sh" }],
    finding: ["warning", "nested", "extensions/lib", /files only/]
  },
  {
    title: "a README in extensions/",
    files: beside("extensions/README.md", "# hello"),
    finding: ["error", "extra-file", "extensions/README.md", /starts every file/]
  },
  {
    title: "a script without #! in extensions/",
    files: script("exec /opt/hello/run\n"),
    finding: ["error", "extra-file", "extensions/hello", /neither a program nor a script/]
  },
  {
    title: "no x bit",
    files: [{ ...good, mode: 0o100644 }],
    finding: ["error", "not-executable", "extensions/hello", /mode 644/]
  },
  {
    title: "an x bit for the owner only",
    files: [{ ...good, mode: 0o100700 }],
    finding: ["error", "not-executable", "extensions/hello", /mode 700/]
  },
  {
    title: "a script that others than its owner may start, but not read",
    files: [{ ...good, mode: 0o100711 }],
    finding: ["error", "not-executable", "extensions/hello", /mode 711/]
  },
  {
    title: "a zip made on Windows",
    files: [{ ...good, host: 0 }],
    finding: ["error", "not-executable", "extensions/hello", /no Unix permissions/]
  },
  {
    title: "CR LF in a script",
    files: script("#!/bin/bash\r\nexec /opt/hello/run\r\n"),
    finding: ["error", "crlf", "extensions/hello", /"\/bin\/bash\\r"/]
  },
  {
    title: "CR LF after a good first line",
    files: script("#!/bin/bash\nexec /opt/hello/run\r\n"),
    finding: ["error", "crlf", "extensions/hello", /part of every command/]
  },
  {
    title: "a byte order mark",
    files: script("\uFEFF#!/bin/bash\nexec /opt/hello/run\n"),
    finding: ["error", "bom", "extensions/hello", /byte order mark/]
  },
  {
    title: "a relative interpreter",
    files: script("#!bash\n"),
    finding: ["error", "shebang", "extensions/hello", /not an absolute path/]
  },
  {
    title: "two words after env",
    files: script("#!/usr/bin/env node --no-warnings\n"),
    finding: ["error", "shebang", "extensions/hello", /"node --no-warnings"/]
  },
  {
    title: "env -S on Amazon Linux 2",
    files: script("#!/usr/bin/env -S bash -p\n"),
    runtimes: "java17,java21",
    finding: ["error", "shebang", "extensions/hello", /env of java17 \(Amazon Linux 2\)/]
  },
  {
    title: "Node beside Python and Java functions",
    files: script("#!/usr/bin/env node\n"),
    runtimes: "nodejs24.x,python3.13,java21,provided.al2023",
    finding: [
      "error",
      "interpreter",
      "extensions/hello",
      /node, which functions of python3\.13, java21, provided\.al2023/
    ]
  },
  {
    title: "Perl, which is not known to be there",
    files: script("#!/usr/bin/perl\n"),
    finding: ["warning", "interpreter", "extensions/hello", /not known to be in/]
  },
  {
    title: "Python, without the runtimes of the functions",
    files: script("#!/usr/bin/env python3\n"),
    finding: ["note", "interpreter", "extensions/hello", /not every function has/]
  },
  {
    title: "an interpreter of another layer",
    files: script("#!/opt/bin/bun\n"),
    finding: ["warning", "interpreter", "extensions/hello", /not in this layer/]
  },
  {
    title: "a program for another machine",
    files: program({ machine: arm64 }),
    arch: "x64",
    finding: ["error", "architecture", "extensions/hello", /built for arm64, and the layer is for x64/]
  },
  {
    title: "a bundled Node for another machine",
    files: beside("hello/bin/node", elfOf({ machine: x64 }), { mode: 0o100755 }),
    arch: "arm64",
    finding: ["error", "architecture", "hello/bin/node", /built for x64/]
  },
  {
    title: "a program for macOS",
    files: [{ ...good, bytes: Buffer.from("cffaedfe0c000001", "hex") }],
    finding: ["error", "architecture", "extensions/hello", /for macOS/]
  },
  {
    title: "a newer glibc than the function's",
    files: program({
      machine: x64,
      interpreter: "/lib64/ld-linux-x86-64.so.2",
      needed: ["libc.so.6", "libstdc++.so.6"],
      versions: ["GLIBC_2.2.5", "GLIBC_2.28", "GLIBC_2.9", "GLIBCXX_3.4.21"]
    }),
    runtimes: "provided.al2,provided.al2023",
    finding: ["error", "libc", "extensions/hello", /GLIBC_2\.28, and Amazon Linux 2 \(provided\.al2\)/]
  },
  {
    title: "a newer libstdc++ than any function's",
    files: beside(
      "hello/addon.node",
      elfOf({ machine: x64, needed: ["libstdc++.so.6"], versions: ["GLIBCXX_3.4.32"] })
    ),
    finding: ["warning", "libc", "hello/addon.node", /GLIBCXX_3\.4\.32, and Amazon Linux 2023 has/]
  },
  {
    title: "a newer glibc than the function's, in what is no extension",
    files: beside("hello/addon.node", elfOf({ machine: x64, versions: ["GLIBC_2.28"] })),
    runtimes: "provided.al2",
    finding: ["warning", "libc", "hello/addon.node", /GLIBC_2\.28, and Amazon Linux 2 \(provided\.al2\)/]
  },
  {
    title: "musl",
    files: program({ machine: x64, interpreter: "/lib/ld-musl-x86_64.so.1" }),
    finding: ["error", "libc", "extensions/hello", /musl/]
  },
  {
    title: "a library that no function has",
    files: program({ machine: arm64, needed: ["libc.so.6", "libatomic.so.1"] }),
    arch: "arm64",
    finding: ["warning", "library", "extensions/hello", /libatomic\.so\.1/]
  },
  {
    title: "a script that registers under another name",
    files: script(`#!/bin/bash\ncurl -H "Lambda-Extension-Name: other"\n`, "extensions/hello.sh"),
    finding: ["error", "name", "extensions/hello.sh", /registers as "other"/]
  },
  {
    title: "a stub under another name than it was built with",
    files: [
      ...script(Stub.render({ name: "built", events: ["INVOKE"], runtime: "managed" }), "extensions/renamed"),
      { path: "built/index.cjs", bytes: "" },
      { path: "built/bundle.cjs", bytes: "" }
    ],
    finding: ["warning", "name", "extensions/renamed", /built as "built"/]
  },
  {
    title: "a stub without its program",
    files: script(Stub.render({ name: "hello", events: ["INVOKE"], runtime: "managed" })),
    finding: ["error", "incomplete", "extensions/hello", /hello\/index\.cjs, hello\/bundle\.cjs$/]
  },
  {
    title: "a stub without the Node that it was built with",
    files: [
      ...script(Stub.render({ name: "hello", events: ["INVOKE"], runtime: "auto" })),
      { path: "hello/index.cjs", bytes: "" },
      { path: "hello/bundle.cjs", bytes: "" }
    ],
    finding: ["error", "incomplete", "extensions/hello", /not in the layer: hello\/bin\/node$/]
  },
  {
    title: "a stub without its bun program",
    files: script(Stub.render({ name: "hello", events: ["INVOKE"], runtime: "bun" })),
    runtimes: "java21",
    finding: ["error", "incomplete", "extensions/hello", /not in the layer: hello\/bin\/hello$/]
  },
  {
    title: "a bun program without its x bit",
    files: [
      ...script(Stub.render({ name: "hello", events: ["INVOKE"], runtime: "bun" })),
      { path: "hello/bin/hello", bytes: elfOf({ machine: x64 }) }
    ],
    finding: ["error", "not-executable", "hello/bin/hello", /mode 644/]
  },
  {
    title: "a stub without the files for its LLRT",
    files: script(Stub.render({ name: "hello", events: ["INVOKE"], runtime: "llrt" })),
    runtimes: "java21",
    finding: [
      "error",
      "incomplete",
      "extensions/hello",
      /hello\/bin\/llrt, hello\/index\.mjs, hello\/prelude\.lrt, hello\/bundle\.lrt, hello\/llrt\.json$/
    ]
  },
  {
    title: "an LLRT without its x bit",
    files: llrtLayer({}, 0o100644),
    finding: ["error", "not-executable", "hello/bin/llrt", /mode 644/]
  },
  {
    title: "an LLRT for another architecture",
    files: llrtLayer({ "hello/bin/llrt": llrtOf({ machine: arm64 }) }),
    arch: "x64",
    finding: ["error", "architecture", "hello/bin/llrt", /built for arm64, and the layer is for x64/]
  },
  {
    title: "an LLRT that was built on a newer system than Lambda has",
    files: llrtLayer({ "hello/bin/llrt": llrtOf({ machine: x64, needed: ["libc.so.6"], versions: ["GLIBC_2.35"] }) }),
    finding: ["error", "libc", "hello/bin/llrt", /needs GLIBC_2\.35, and Amazon Linux 2023 has glibc 2\.34/]
  },
  {
    title: "an LLRT of which the end is missing",
    files: llrtLayer({ "hello/bin/llrt": cutOff(llrtOf({ machine: x64 })) }),
    finding: ["error", "damaged", "hello/bin/llrt", /cut off/]
  },
  {
    title: "a library of which the end is missing",
    files: beside("hello/addon.node", cutOff(elfOf({ machine: x64 }))),
    finding: ["warning", "damaged", "hello/addon.node", /cut off/]
  },
  {
    title: "another program in place of LLRT",
    files: llrtLayer({ "hello/bin/llrt": elfOf({ machine: x64 }) }),
    finding: ["error", "llrt", "hello/bin/llrt", /is no LLRT/]
  },
  {
    title: "source text in place of bytecode",
    files: llrtLayer({ "hello/bundle.lrt": "export {}" }),
    finding: ["error", "llrt", "hello/bundle.lrt", /no bytecode/]
  },
  {
    title: "a file that is no bytecode in the place of what LLRT lacks",
    files: llrtLayer({ "hello/prelude.lrt": "export {}" }),
    finding: ["error", "llrt", "hello/prelude.lrt", /no bytecode/]
  },
  {
    title: "bytecode of another LLRT",
    files: llrtLayer({ "hello/bin/llrt": llrtOf({ machine: x64 }, "0.9.0") }),
    finding: ["error", "llrt", "hello/bundle.lrt", /made by LLRT 0\.8\.1-beta, and hello\/bin\/llrt is LLRT 0\.9\.0/]
  },
  {
    title: "bytecode that another build of the same LLRT has packed",
    files: llrtLayer({ "hello/bundle.lrt": Buffer.from("6c72743031636b00000028b52ffd6301020304", "hex") }),
    finding: ["error", "llrt", "hello/bundle.lrt", /packed by another build of LLRT 0\.8\.1-beta/]
  },
  {
    title: "an LLRT without its version",
    files: llrtLayer({ "hello/llrt.json": "{}" }),
    finding: ["error", "llrt", "hello/llrt.json", /does not name the LLRT/]
  },
  {
    title: "an LLRT that is 91 days old",
    files: llrtLayer({ "hello/llrt.json": '{"version":"0.8.1-beta","built":"2026-08-01"}' }),
    finding: ["warning", "llrt-age", "hello/bin/llrt", /was built on 2026-08-01, 91 days ago/]
  },
  {
    title: "an LLRT whose age is not known",
    files: llrtLayer({ "hello/llrt.json": '{"version":"0.8.1-beta"}' }),
    finding: ["note", "llrt-age", "hello/bin/llrt", /the day .* is not known/]
  },
  {
    title: "a Node in a zip made on Windows",
    files: [
      ...script(Stub.render({ name: "hello", events: ["INVOKE"], runtime: "auto" })),
      { path: "hello/index.cjs", bytes: "" },
      { path: "hello/bundle.cjs", bytes: "" },
      { path: "hello/bin/node", bytes: elfOf({ machine: x64 }), host: 0 }
    ],
    finding: ["error", "not-executable", "hello/bin/node", /no Unix permissions/]
  },
  {
    title: "a stub without a Node beside Python",
    files: [
      ...script(Stub.render({ name: "hello", events: ["INVOKE"], runtime: "managed" })),
      { path: "hello/index.cjs", bytes: "" },
      { path: "hello/bundle.cjs", bytes: "" }
    ],
    runtimes: "nodejs22.x,python3.13",
    finding: ["error", "interpreter", "extensions/hello", /\/var\/lang\/bin\/node, which functions of python3\.13/]
  },
  {
    title: "a stub without a Node beside an old one",
    files: [
      ...script(Stub.render({ name: "hello", events: ["INVOKE"], runtime: "managed" })),
      { path: "hello/index.cjs", bytes: "" },
      { path: "hello/bundle.cjs", bytes: "" }
    ],
    runtimes: "nodejs20.x",
    finding: ["error", "interpreter", "extensions/hello", /nodejs20\.x have an older one/]
  },
  {
    title: "eleven extensions",
    files: Array.from({ length: 11 }, (_, index) => ({ ...good, path: `extensions/${index}` })),
    finding: ["error", "too-many", "extensions", /11 extensions/]
  },
  ...[
    `import http from"node:http";`,
    `var a=1;import{request as r}from'https';`,
    `import "undici"`,
    `export * from "http"`
  ].map((bytes): Broken => ({
    title: `an ES module with ${bytes}`,
    files: beside("hello/bundle.mjs", bytes),
    finding: ["warning", "esm-http", "hello/bundle.mjs", /30 to 40 ms/]
  })),
  {
    title: "an access key of AWS",
    files: beside("hello/bundle.cjs", `first();\nconst key="${accessKey}"`),
    finding: ["error", "secret", "hello/bundle.cjs", /an AWS access key at 2:12;/]
  },
  {
    title: "a token of GitHub, twice, in a binary",
    files: beside("hello/data", `\0${githubToken} ${githubToken}`),
    finding: ["error", "secret", "hello/data", /a GitHub token at byte 1 and 1 more/]
  },
  {
    title: "a private key",
    files: beside("hello/bundle.cjs", `const pem="${privateKey}"`),
    finding: ["error", "secret", "hello/bundle.cjs", /a private key at 1:12/]
  },
  {
    title: "a password",
    files: beside("hello/bundle.cjs", `connect({ password: "${password}" })`),
    finding: ["warning", "secret", "hello/bundle.cjs", /seems to hold a secret/]
  },
  {
    title: "a .env file",
    files: beside("hello/.env", `STAGE=production`),
    finding: ["error", "secret", "hello/.env", /settings of somebody's machine/]
  },
  {
    title: "an .npmrc with a token",
    files: beside("hello/.npmrc", `//registry.npmjs.org/:_authToken=00000000-1111-2222`),
    finding: ["error", "secret", "hello/.npmrc", /an npm token/]
  },
  {
    title: "a path that leads out",
    files: beside("../evil", ""),
    finding: ["error", "path", "../evil", /inside the layer/]
  },
  {
    title: "a path that leads out, about which there would be more to say",
    files: beside("../evil", accessKey, { mode: 0o100600 }),
    finding: ["error", "path", "../evil", /inside the layer/]
  },
  {
    title: "an absolute path",
    files: beside("/etc/evil", ""),
    finding: ["error", "path", "/etc/evil", /absolute/]
  },
  {
    title: "an absolute path of Windows",
    files: beside("C:/evil", ""),
    finding: ["error", "path", "C:/evil", /absolute/]
  },
  {
    title: "backslashes",
    files: beside("hello\\index.cjs", ""),
    finding: ["error", "path", "hello\\index.cjs", /backslashes/]
  },
  {
    title: "a file that its owner alone may read",
    files: beside("hello/index.cjs", "", { mode: 0o100600 }),
    finding: ["error", "unreadable", "hello/index.cjs", /mode 600/]
  },
  {
    title: "a directory that others may list, but not enter",
    files: beside("hello/", "", { mode: 0o040744 }),
    finding: ["error", "unreadable", "hello", /mode 744/]
  },
  {
    title: "paths that differ in case only",
    files: [...beside("hello/a.txt", ""), { path: "hello/A.txt", bytes: "" }],
    finding: ["warning", "case", "hello/A.txt", /differs from hello\/a\.txt/]
  },
  {
    title: "the same path twice",
    files: [good, good],
    finding: ["error", "duplicate", "extensions/hello", /more than once/]
  },
  {
    title: "node_modules",
    files: beside("hello/node_modules/a/index.js", `import "node:http"`),
    finding: ["note", "node-modules", "hello/node_modules", /1 files/]
  },
  {
    title: "node_modules, in which a text like a password is an example",
    files: beside("hello/node_modules/a/index.js", `connect({ password: "${password}" })`),
    finding: ["note", "node-modules", "hello/node_modules", /1 files/]
  },
  {
    title: "source maps",
    files: beside("hello/bundle.cjs.map", "{}"),
    finding: ["note", "source-map", "hello/bundle.cjs.map", /source maps/]
  },
  {
    title: "the file that switches extensions off",
    files: beside("disable-extensions-jwigqn8j", ""),
    finding: ["error", "kill-switch", "disable-extensions-jwigqn8j", /switches off/]
  },
  {
    title: "an encrypted file",
    files: beside("hello/index.cjs", "", { flags: 1 }),
    finding: ["error", "damaged", "hello/index.cjs", /encrypted/]
  },
  {
    title: "an unknown compression",
    files: beside("hello/index.cjs", "abc", { method: 93 }),
    finding: ["error", "damaged", "hello/index.cjs", /method 93/]
  },
  {
    title: "a file that unpacks to more than it says",
    files: beside("hello/index.cjs", "a".repeat(100_000), { size: 10 }),
    finding: ["error", "damaged", "hello/index.cjs", /cannot be inflated/]
  },
  {
    title: "a wrong checksum",
    files: beside("hello/index.cjs", "abc", { crc: 1 }),
    finding: ["error", "damaged", "hello/index.cjs", /checksum/]
  },
  {
    title: "251 MB unpacked",
    files: beside("hello/data", "", { size: 251 * 1024 * 1024 }),
    finding: ["error", "size", "", /251\.0 MB/]
  }
]
