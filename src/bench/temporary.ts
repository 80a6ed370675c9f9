import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const open = new Set<string>()
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Removes the remaining folders, and then lets the signal act as usual. */
const ended = (signal: NodeJS.Signals): void => {
  for (const folder of open) removeFolder(folder)
  process.kill(process.pid, signal)
}

/**
 * An empty folder for files that a benchmark passes to other processes. {@link removeFolder} removes it, and
 * so does a signal that ends this process.
 */
export const temporaryFolder = (): string => {
  if (open.size === 0) for (const signal of signals) process.on(signal, ended)
  const folder = mkdtempSync(join(tmpdir(), 'jola-bench-'))
  open.add(folder)
  return folder
}

export const removeFolder = (folder: string): void => {
  rmSync(folder, { recursive: true, force: true })
  open.delete(folder)
  if (open.size === 0) for (const signal of signals) process.off(signal, ended)
}
