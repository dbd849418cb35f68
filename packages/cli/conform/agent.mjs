// An agent as NODE_OPTIONS loads it: it reads variables that only the function has, and ends any other process.
import process from "node:process"

process.env._HANDLER.split(".")
