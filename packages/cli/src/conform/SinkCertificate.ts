/** A certificate for the sink, of an authority that exists for one run. OpenSSL makes it, since Node cannot. */
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as NodePath from "node:path"
import * as Disk from "../shared/Disk.ts"
import { execute } from "../shared/Execute.ts"
import * as UserError from "../shared/UserError.ts"

export interface SinkCertificate {
  readonly key: string
  readonly cert: string
  /** The certificate of the authority, for the variables that programs read. */
  readonly file: string
}

const limit = { timeoutMillis: 20_000 }

/** Makes the key and the certificate in a folder of the scope. */
export const make = Effect.gen(function* () {
  const folder = yield* Disk.temporaryFolder("effect-lambda-sink-")
  const file = (name: string) => NodePath.join(folder, name)
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout"]
  const openssl = (args: ReadonlyArray<string>) =>
    Effect.mapError(execute("openssl", args, limit), ({ message, output }) =>
      UserError.make(`--sink-tls needs OpenSSL: ${message}${output === "" ? "" : ` (${output.split("\n")[0]})`}`)
    )
  yield* openssl([
    "req",
    "-x509",
    ...key,
    file("ca.key"),
    "-out",
    file("ca.pem"),
    "-days",
    "2",
    "-subj",
    "/CN=effect-lambda conform"
  ])
  yield* openssl(["req", ...key, file("sink.key"), "-out", file("sink.csr"), "-subj", "/CN=localhost"])
  yield* Disk.writeFile(file("san.cnf"), Buffer.from("subjectAltName=DNS:localhost,IP:127.0.0.1\n"))
  const authority = ["-CA", file("ca.pem"), "-CAkey", file("ca.key"), "-CAcreateserial"]
  yield* openssl([
    "x509",
    "-req",
    "-in",
    file("sink.csr"),
    ...authority,
    "-out",
    file("sink.pem"),
    "-days",
    "2",
    "-extfile",
    file("san.cnf")
  ])
  const certificate: SinkCertificate = {
    key: Fs.readFileSync(file("sink.key"), "utf8"),
    cert: Fs.readFileSync(file("sink.pem"), "utf8"),
    file: file("ca.pem")
  }
  return certificate
})
