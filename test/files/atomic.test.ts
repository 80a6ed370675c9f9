import { execFileSync } from 'node:child_process'
import { existsSync, lstatSync, readdirSync } from 'node:fs'
import { open, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { writeAtomic } from '../../src/files/atomic.js'
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

describe.skipIf(process.platform === 'win32')('a symbolic link', () => {
  it.each(['a file', 'no file yet'])('to %s stays, and what it leads to is written', async what => {
    const [links, files] = [await temporaryDirectory(), await temporaryDirectory()]
    if (what === 'a file') await writeFile(join(files, 'x'), 'before')
    await symlink(join(files, 'x'), join(files, 'second'))
    await symlink(join(files, 'second'), join(links, 'first'))
    await writeAtomic(join(links, 'first'), ['after'])
    expect(await readFile(join(files, 'x'), 'utf8')).toBe('after')
    expect(lstatSync(join(links, 'first')).isSymbolicLink()).toBe(true)
    expect(readdirSync(links)).toEqual(['first'])
    expect(readdirSync(files).sort()).toEqual(['second', 'x'])
  })

  it('to itself is refused', async () => {
    const link = join(await temporaryDirectory(), 'round')
    await symlink(link, link)
    await expect(writeAtomic(link, ['never'])).rejects.toMatchObject({ what: 'cannot write the file' })
  })

  it.skipIf(!existsSync('/proc/self/fd'))(
    'to an open file, as /dev/stdout is, is written from where that has got to',
    async () => {
      const folder = await temporaryDirectory()
      const [file, link] = [join(folder, 'x'), join(folder, 'stdout')]
      const output = await open(file, 'w')
      try {
        await symlink(`/proc/self/fd/${output.fd}`, link)
        await output.write('before, ')
        await writeAtomic(link, ['mid', 'way'])
        await output.write(', after')
      } finally {
        await output.close()
      }
      expect(await readFile(file, 'utf8')).toBe('before, midway, after')
      expect(readdirSync(folder).sort()).toEqual(['stdout', 'x'])
    },
  )
})
