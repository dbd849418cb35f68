/** The limits of a layer: the sizes that Lambda takes, and the oldest Node that runs the program in it. */

/** The size of a function and all of its layers, unpacked. */
export const maxUnzippedBytes = 250 * 1024 * 1024

/** The size of a zip in a request; a larger one is uploaded to S3. */
export const maxUploadBytes = 50 * 1024 * 1024

/** The oldest Node that runs `@effect-lambda/extension-node`. */
export const minimumNode = "22.19.0"
