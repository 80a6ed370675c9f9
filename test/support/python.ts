import { execFile, execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { it } from 'vitest'

/** A Python that has some modules: `JOLA_PYTHON`, or the system's; undefined where neither has them. */
export const pythonWith = (modules: readonly string[]): string | undefined =>
  [process.env.JOLA_PYTHON, 'python3'].find(path => {
    if (path === undefined) return false
    try {
      const found = modules.map(m => `importlib.util.find_spec('${m}') is not None`).join(' and ')
      const program = `import importlib.util, sys; sys.exit(0 if ${found} else 1)`
      execFileSync(path, ['-c', program], { stdio: 'ignore' })
      return true
    } catch {
      return false
    }
  })

/** Runs a script of `test/fixtures` with JSON on its standard input, and gives the JSON that it prints. */
export type RunPython = (script: string, input: unknown) => Promise<unknown>

/** A test that needs Python with some modules. Without them it is skipped under a name that says so. */
export const itWithPython = (
  title: string,
  modules: readonly string[],
  test: (run: RunPython) => Promise<void>,
): void => {
  const python = pythonWith(modules)
  if (python === undefined) {
    it.skip(`${title} (needs JOLA_PYTHON, a Python with ${modules.join(', ')})`, () => undefined)
    return
  }
  const run: RunPython = (script, input) =>
    new Promise((resolve, reject) => {
      const path = fileURLToPath(new URL(`../fixtures/${script}`, import.meta.url))
      const child = execFile(python, [path], { maxBuffer: 1 << 28 }, (error, out, err) => {
        if (error === null) resolve(JSON.parse(out))
        else reject(new Error(err))
      })
      child.stdin!.end(JSON.stringify(input))
    })
  it(title, () => test(run), 120_000)
}
