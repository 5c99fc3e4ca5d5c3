// The prebuilt package is installed under the name of the one it stands in for, but declares its types under its own.
/// <reference path="../../node_modules/node-pty/node-pty.d.ts" />
declare module 'node-pty' {
  export * from '@lydell/node-pty'

  import * as pty from '@lydell/node-pty'
  /** All of it: a bundle names the parts of a CommonJS package no other way. */
  export default pty
}
