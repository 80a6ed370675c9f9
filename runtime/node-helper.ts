import { type ChildProcess, fork } from 'node:child_process'
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { basename, extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { DeviceTraits, KernelDecl } from '../compiler/artifact.js'
import type { Helper } from './helpers.js'

/** What a helper answers to a kernel that it has compiled, and to one that it could not. */
export type Answer = 'compiled' | 'failed'

/** Each holds a device of its own; more gain little, since the slowest kernel is a tenth of all. */
const mostHelpers = 3

/** How this process was told to load TypeScript, which a script in TypeScript needs to be told too. */
const loaders = (): readonly string[] =>
  process.execArgv.flatMap((argument, i, all) =>
    argument === '--import' ? [`--import=${all[i + 1]}`] : argument.startsWith('--import=') ? [argument] : [],
  )

/**
 * The script that a helper runs; absent where a package was bundled, which as CommonJS has not even an
 * address to look beside.
 */
const helperScript = (): string | undefined => {
  try {
    const file = fileURLToPath(new URL(`./node-compile${extname(import.meta.url)}`, import.meta.url))
    return existsSync(file) && (extname(file) === '.js' || loaders().length > 0) ? file : undefined
  } catch {
    return undefined
  }
}

/** Mesa's own reading of a variable that switches something on. */
const isSet = (name: string): boolean => /^(1|true|t|yes|y)$/i.test(process.env[name] ?? '')

/**
 * Whether a helper could be of use: a second core, a Node to start, which a program that has Node inside is
 * not, and a driver's cache that is on.
 */
const canHelp = ({ name }: DeviceTraits): boolean =>
  availableParallelism() > 1 &&
  /llvmpipe|lavapipe/i.test(name) &&
  !isSet('MESA_SHADER_CACHE_DISABLE') &&
  !isSet('MESA_GLSL_CACHE_DISABLE') &&
  /^node(js)?(\.exe)?$/i.test(basename(process.execPath))

/**
 * A helper in a process that runs this script; {@link Answer} is what is expected of it. Whatever happens to
 * it, `compile` rejects.
 */
export const helperProcess = (
  file: string,
  args: readonly string[],
  execArgv: readonly string[] = [],
): Helper => {
  let child: ChildProcess | undefined
  let pending: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined
  const close = (): void => {
    child?.kill('SIGKILL')
    child = undefined
    pending?.reject(new Error('the helper has ended'))
    pending = undefined
  }
  try {
    // What the driver says is said by this process already.
    child = fork(file, args, { execArgv: [...execArgv], stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
    child.on('error', close)
    child.on('exit', close)
    child.on('disconnect', close)
    child.on('message', (answer: Answer) => {
      if (answer !== 'compiled' || pending === undefined) return close()
      pending.resolve()
      pending = undefined
    })
  } catch {
    child = undefined
  }
  return {
    compile: (kernel: KernelDecl) =>
      new Promise((resolve, reject) => {
        if (child === undefined) return reject(new Error('there is no helper'))
        pending = { resolve, reject }
        child.send(kernel, error => error !== null && close())
      }),
    close,
  }
}

/** Helpers for a device that was opened with these options; none where they would be of no use. */
export const helpersFor = (traits: DeviceTraits, options: object): readonly Helper[] => {
  const script = canHelp(traits) ? helperScript() : undefined
  if (script === undefined) return []
  return Array.from({ length: Math.min(mostHelpers, availableParallelism() - 1) }, () =>
    helperProcess(script, [JSON.stringify(options)], extname(script) === '.js' ? [] : loaders()),
  )
}
