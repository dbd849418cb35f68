// The parts of Node that LLRT 0.8.1-beta does not have, or has otherwise, and that an extension or its packages use. The build
// compiles this module into `prelude.lrt`, which the loader of a layer runs before the program. Each part says which feature of
// LLRT makes it superfluous.
import "./stacks.mjs"
import "./symbols.mjs"
import "./process.mjs"
import "./callbacks.mjs"
import "./exit.mjs"
import "./rejections.mjs"
import "./timers.mjs"
import "./output.mjs"
import "./buffers.mjs"
import "./json.mjs"
import "./net.mjs"
import "./addresses.mjs"
import "./hmac.mjs"
import "./modules.mjs"
