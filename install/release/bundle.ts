// The programs of the agent as a few plain files, agent.mjs, lane.mjs and host.mjs, and the parts that they share or load
// late. Split, so that the daemon, which runs for months, never reads what only enrolment, the lanes and repairs need.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type BuildResult, build, type Metafile, type Plugin } from 'esbuild'
import type { Packed } from './tar.ts'

export type Bundle = { files: Packed[]; metafile: Metafile }

/** CommonJS packages call `require` for Node's own modules, and node-pty for its native part. */
const REQUIRE = `import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);`

/** @param root the checkout */
export async function bundleAgent(root: string, version: string): Promise<Bundle> {
  const result = await build({
    absWorkingDir: root,
    entryPoints: { agent: 'agent/main.ts', lane: 'agent/lanes/main.ts', host: 'agent/installation/main.ts' },
    outdir: 'out',
    outExtension: { '.js': '.mjs' },
    chunkNames: 'part-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    // Names stay, so that a stack trace can be read.
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    charset: 'utf8',
    define: { 'process.platform': '"linux"' },
    banner: { js: REQUIRE },
    // grpc-js loads it for its introspection services, which nobody here offers.
    external: ['@grpc/proto-loader'],
    plugins: [ownVersion(version), nativeTerminal, englishAlone, looksAlone],
    // node_modules may be a link: paths, and with them the parts' names, follow from the checkout alone.
    preserveSymlinks: true,
    metafile: true,
    write: false,
    logLevel: 'silent',
  })
  return { files: [...filesOf(result, join(root, 'out')), licences(root, result.metafile)], metafile: result.metafile }
}

const filesOf = ({ outputFiles = [] }: BuildResult, directory: string): Packed[] =>
  outputFiles.map(({ path, contents }) => ({
    path: path.slice(directory.length + 1),
    mode: 0o644,
    content: Buffer.from(contents),
  }))

/** What the program says of itself is the release's version, and nothing else of package.json goes along. */
const ownVersion = (version: string): Plugin => ({
  name: 'own-version',
  setup(build) {
    const own = join(build.initialOptions.absWorkingDir ?? '', 'package.json')
    build.onLoad({ filter: /\/package\.json$/ }, ({ path }) =>
      path === own ? { contents: JSON.stringify({ version }), loader: 'json' } : undefined,
    )
  },
})

/** The native part lies beside the bundle instead of in a package for each platform. */
const nativeTerminal: Plugin = {
  name: 'native-terminal',
  setup(build) {
    build.onResolve({ filter: /^\.\/pty\.node$/ }, () => ({ path: './pty.node', external: true }))
    build.onLoad({ filter: /\/node-pty\/requireBinary\.js$/ }, () => ({
      contents: `exports.requireBinary = () => require('./pty.node')`,
      loader: 'js',
    }))
  },
}

/** zod's messages in fifty languages are half of it. */
const englishAlone: Plugin = {
  name: 'english-alone',
  setup(build) {
    build.onLoad({ filter: /\/zod\/v4\/locales\/index\.js$/ }, () => ({
      contents: `export { default as en } from './en.js'`,
      loader: 'js',
    }))
  },
}

/** Of dockerode: no tunnel over ssh, no build session, no archive of a directory to build from. */
const looksAlone: Plugin = {
  name: 'looks-alone',
  setup(build) {
    const left =
      /\/(?:docker-modem\/lib\/ssh|dockerode\/lib\/session|tar-fs\/index|@balena\/dockerignore\/[\w/]*ignore)\.js$/
    build.onLoad({ filter: left }, () => ({ contents: '', loader: 'js' }))
  },
}

const packageOf = (input: string): string | undefined => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1]

/** Packages of the bundle, by name. */
export const packagesIn = (inputs: readonly string[]): string[] =>
  [...new Set(inputs.flatMap((input) => packageOf(input) ?? []))].sort()

/** What is loaded before the program's first line runs, and by its composition root: not what it loads late. */
export function inputsOf(metafile: Metafile, entryPoint: string, late: readonly string[] = []): string[] {
  const seen = new Set<string>()
  const inputs = new Set<string>()
  const outputs = Object.entries(metafile.outputs)
  const visit = (name: string): void => {
    const output = metafile.outputs[name]
    if (!output || seen.has(name)) return
    seen.add(name)
    for (const input of Object.keys(output.inputs)) inputs.add(input)
    for (const { path, kind } of output.imports) {
      const entry = metafile.outputs[path]?.entryPoint
      if (kind !== 'dynamic-import' || (entry !== undefined && late.includes(entry))) visit(path)
    }
  }
  for (const [name, output] of outputs) if (output.entryPoint === entryPoint) visit(name)
  return [...inputs].sort()
}

function licences(root: string, metafile: Metafile): Packed {
  const texts = packagesIn(Object.keys(metafile.inputs)).map((name) => {
    const directory = join(root, 'node_modules', name)
    const { version, license } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))
    const file = readdirSync(directory)
      .sort()
      .find((entry) => /^licen[cs]e/i.test(entry))
    const text = file ? readFileSync(join(directory, file), 'utf8').trim() : ''
    return `${name} ${version} (${license})\n\n${text}\n`
  })
  return { path: 'licenses.txt', mode: 0o644, content: Buffer.from(texts.join(`\n${'-'.repeat(80)}\n\n`)) }
}
