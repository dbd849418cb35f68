/** The names that `@effect-lambda/emulator` offers. */
export * as Emulator from "./Emulator.ts"
export * as EmulatorError from "./EmulatorError.ts"
export * as Fault from "./Fault.ts"
export * as Journal from "./Journal.ts"
export * as LogLine from "./LogLine.ts"
export * as Profile from "./Profile.ts"
export * as Timeline from "./Timeline.ts"
export * as Variables from "./Variables.ts"
