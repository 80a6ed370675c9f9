import { execFileSync } from 'node:child_process'
import { lstatSync, readdirSync } from 'node:fs'
import { open, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { writeAtomic } from '../../src/hub/atomic.js'
import { temporaryDirectory } from '../support/temporary.js'

it('replaces a file, and leaves nothing else in the folder', async () => {
  const folder = await temporaryDirectory()
  const file = join(folder, 'x')
  await writeFile(file, 'before')
  await writeAtomic(file, ['af', 'ter'])
  expect(await readFile(file, 'utf8')).toBe('after')
  expect(readdirSync(folder)).toEqual(['x'])
})

it('leaves what was there where writing fails', async () => {
  const folder = await temporaryDirectory()
  const file = join(folder, 'x')
  await writeFile(file, 'before')
  const broken = function* () {
    yield 'half'
    throw Object.assign(new Error('full'), { code: 'ENOSPC' })
  }
  await expect(writeAtomic(file, broken())).rejects.toMatchObject({ why: 'the disk is full' })
  expect(await readFile(file, 'utf8')).toBe('before')
  expect(readdirSync(folder)).toEqual(['x'])
})

it.skipIf(process.platform === 'win32')('writes into a pipe rather than replacing it by a file', async () => {
  const pipe = join(await temporaryDirectory(), 'pipe')
  execFileSync('mkfifo', [pipe])
  // Open for both, so that neither end waits for the other.
  const end = await open(pipe, 'r+')
  try {
    await writeAtomic(pipe, ['through'])
    const { bytesRead, buffer } = await end.read(Buffer.alloc(16), 0, 16)
    expect(buffer.toString('utf8', 0, bytesRead)).toBe('through')
    expect(lstatSync(pipe).isFIFO()).toBe(true)
  } finally {
    await end.close()
  }
})
