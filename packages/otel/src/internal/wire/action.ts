/**
 * What the walk does at a field: the numbers in its tables. They are constants of a module and no object, so a bundler writes them
 * as numbers, and V8 jumps to the case of a number instead of comparing with each of them in turn.
 */

/** The field is unknown, or has the wire type of another one. */
export const other = 0
export const varint = 1
export const fixed64 = 2
export const fixed32 = 3
/** A length and bytes that are passed over. */
export const bytes = 4
export const traceId = 5
export const spanId = 6
export const string = 7
/** The kind of a span. */
export const kind = 8
export const message = 9
/** A span, a data point or a log record. */
export const item = 10
/** Several numbers in one field. */
export const packed = 11
