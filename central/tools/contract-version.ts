/** Major version of the tools' inputs, outputs and error codes. A client may ask for it; another major is refused. */
export const CONTRACT_MAJOR = 1
