import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A new directory that is removed when the test is over. */
export const temporaryDirectory = async (): Promise<string> => {
  const path = await mkdtemp(join(tmpdir(), 'jola-test-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

/** A file in a new temporary directory; returns its path. */
export const temporaryFile = async (name: string, content: string | Uint8Array): Promise<string> => {
  const path = join(await temporaryDirectory(), name)
  await writeFile(path, content)
  return path
}
