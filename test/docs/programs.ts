import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { type Example, examplesIn } from './examples.js'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** What may be imported by name, with its source. */
const entries = {
  jola: 'src/index.ts',
  'jola/compiler': 'compiler/index.ts',
  'jola/runtime': 'runtime/index.ts',
  'jola/runtime/node': 'runtime/node.ts',
  'jola/runtime/browser': 'runtime/browser.ts',
}

/** A TypeScript program of a page, and what it prints, as the page says. */
interface ShownProgram {
  readonly file: string
  readonly text: string
  readonly prints: string
}

/** The programs of a page, each a block of `ts` with a block of `text` behind it. */
export const programsOn = (page: string): readonly ShownProgram[] => {
  const blocks = examplesIn(page)
  return blocks.flatMap((b, i) => {
    if (b.info[0] !== 'ts') return []
    const next: Example | undefined = blocks[i + 1]
    if (next?.info[0] !== 'text') throw new Error(`${page}:${b.line} does not say what it prints`)
    return [{ file: `line-${b.line}.ts`, text: b.text, prints: next.text }]
  })
}

/**
 * A project that has the programs, and the package's sources as if they were installed; call `remove` in the
 * end.
 */
export const projectOf = async (programs: readonly ShownProgram[]) => {
  const folder = await mkdtemp(join(tmpdir(), 'jola-docs-'))
  const installed = join(folder, 'node_modules', 'jola')
  await mkdir(installed, { recursive: true })
  for (const name of ['src', 'compiler', 'runtime', 'stdlib', 'examples'])
    await symlink(join(root, name), join(installed, name))
  const exports = Object.entries(entries).map(([name, file]) => [name.replace('jola', '.'), `./${file}`])
  const manifest = { name: 'jola', type: 'module', exports: Object.fromEntries(exports) }
  await writeFile(join(installed, 'package.json'), JSON.stringify(manifest))
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module' }))
  for (const { file, text } of programs) await writeFile(join(folder, file), text)
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) }
}

/** What the compiler of TypeScript says of the programs of a project. */
export const typeErrors = (folder: string, programs: readonly ShownProgram[]): readonly string[] => {
  const read = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent(read.config, ts.sys, root, { noEmit: true })
  const paths = Object.fromEntries(Object.entries(entries).map(([name, file]) => [name, [join(root, file)]]))
  const program = ts.createProgram({
    rootNames: programs.map(p => join(folder, p.file)),
    options: { ...options, paths, typeRoots: [join(root, 'node_modules')], rootDir: '/' },
  })
  return programs.flatMap(({ file }) => {
    const source = program.getSourceFile(join(folder, file))
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
      d => `${file}: ${ts.flattenDiagnosticMessageText(d.messageText, '\n')}`,
    )
  })
}

const mark = '-- end of a program --'

/**
 * What each program prints, run one after the other in one process that has the project's folder as its own.
 */
export const printedBy = async (
  folder: string,
  programs: readonly ShownProgram[],
): Promise<{ readonly printed: readonly string[]; readonly failed: string }> => {
  const calls = programs.map(({ file }) => `await import('./${file}')\nconsole.log('${mark}')\n`)
  await writeFile(join(folder, 'all.ts'), `${calls.join('')}export {}\n`)
  const tsx = join(root, 'node_modules', 'tsx', 'dist', 'loader.mjs')
  const child = spawn(process.execPath, ['--import', `file://${tsx}`, 'all.ts'], { cwd: folder })
  let [out, err] = ['', '']
  child.stdout.on('data', chunk => {
    out += String(chunk)
  })
  child.stderr.on('data', chunk => {
    err += String(chunk)
  })
  const code = await new Promise(resolve => child.on('close', resolve))
  return { printed: out.split(`${mark}\n`).slice(0, -1), failed: code === 0 ? '' : err }
}
