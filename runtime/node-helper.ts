import { type ChildProcess, fork } from 'node:child_process'
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { basename, extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { DeviceTraits, KernelDecl } from '../compiler/artifact.js'
import type { Helper } from './helpers.js'

/** A helper's answer: it has compiled the kernel, or it failed. */
export type Answer = 'compiled' | 'failed'

/**
 * Each helper holds its own device. More helpers gain little, since the slowest kernel takes a tenth of the
 * total time.
 */
const mostHelpers = 3

/** The flags by which this process loads TypeScript; a helper in TypeScript needs them too. */
const loaders = (): readonly string[] =>
  process.execArgv.flatMap((argument, i, all) =>
    argument === '--import' ? [`--import=${all[i + 1]}`] : argument.startsWith('--import=') ? [argument] : [],
  )

/**
 * The script that a helper runs; absent if the package was bundled (a CommonJS bundle has no module address
 * to search from).
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
 * Whether helpers are useful: there is a second core, the driver's cache is on, and the executable is Node
 * itself, not a program that embeds Node.
 */
const canHelp = ({ name }: DeviceTraits): boolean =>
  availableParallelism() > 1 &&
  /llvmpipe|lavapipe/i.test(name) &&
  !isSet('MESA_SHADER_CACHE_DISABLE') &&
  !isSet('MESA_GLSL_CACHE_DISABLE') &&
  /^node(js)?(\.exe)?$/i.test(basename(process.execPath))

/**
 * A helper process that runs this script and sends {@link Answer}s. If the process fails in any way,
 * `compile` rejects.
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
    // This process already prints the driver's messages.
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

/** Helpers for a device that was opened with these options; none if they would not help. */
export const helpersFor = (traits: DeviceTraits, options: object): readonly Helper[] => {
  const script = canHelp(traits) ? helperScript() : undefined
  if (script === undefined) return []
  return Array.from({ length: Math.min(mostHelpers, availableParallelism() - 1) }, () =>
    helperProcess(script, [JSON.stringify(options)], extname(script) === '.js' ? [] : loaders()),
  )
}
