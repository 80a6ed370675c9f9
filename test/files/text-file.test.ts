import { execFileSync } from 'node:child_process'
import { mkdir, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { renderUserError } from '../../src/errors/user-error.js'
import { systemCode } from '../../src/files/file-error.js'
import { byteLimits, readTextFile, readTextFileNow } from '../../src/files/text-file.js'
import { temporaryDirectory, temporaryFile } from '../support/temporary.js'
import { userError } from '../support/user-error.js'

const bothRefuse = async (path: string, most?: number): Promise<string> => {
  const later = renderUserError(await userError(readTextFile(path, most === undefined ? {} : { most })))
  const now = renderUserError(
    await userError(() => readTextFileNow(path, most ?? byteLimits.json, 'read the file')),
  )
  expect(now).toBe(later)
  return now
}

describe('a text file', () => {
  it('is read without its byte order mark, with its line ends and its NULs', async () => {
    const path = await temporaryFile('a', '\uFEFFa\r\n\u0000é')
    expect(await readTextFile(path)).toBe('a\r\n\u0000é')
    expect(readTextFileNow(path, 100, 'read it')).toBe('a\r\n\u0000é')
    expect(await readTextFile(await temporaryFile('b', ''))).toBe('')
  })

  it('that is not UTF-8 is refused with the line', async () => {
    const mixed = Buffer.from([0x61, 10, 0x62, 10, 0xc3, 0x28, 10])
    expect(await bothRefuse(await temporaryFile('a', mixed))).toContain('line 3 holds other bytes')
    const wide = Buffer.from('\uFEFFhello', 'utf16le')
    expect(await bothRefuse(await temporaryFile('a', wide))).toContain('UTF-16')
  })

  it('is a regular file: no folder, no pipe that never ends, no device', async () => {
    const folder = await temporaryDirectory()
    await mkdir(join(folder, 'inner'))
    expect(await bothRefuse(join(folder, 'inner'))).toContain('it is a directory')
    expect(await bothRefuse('/dev/zero')).toContain('a device, a socket or a pipe')
    execFileSync('mkfifo', [join(folder, 'pipe')])
    expect(await bothRefuse(join(folder, 'pipe'))).toContain('a device, a socket or a pipe')
  })

  it('longer than its limit is refused before it is read', async () => {
    const path = await temporaryFile('a', '')
    await truncate(path, 2 ** 40)
    expect(await bothRefuse(path)).toContain('at most 128 MiB')
    await writeFile(path, 'a'.repeat(101))
    expect(await bothRefuse(path, 100)).toContain('the file is too long')
  })

  it("that is missing is the system's error, which the caller puts into words", async () => {
    await expect(readTextFile('/nowhere/at/all')).rejects.toSatisfy(error => systemCode(error) === 'ENOENT')
  })

  it('may be compressed where that is allowed, and unpacks to a bounded length', async () => {
    const good = await temporaryFile('a', gzipSync('hello'))
    expect(await readTextFile(good, { gzip: true })).toBe('hello')
    expect(renderUserError(await userError(readTextFile(good)))).toContain('not text in UTF-8')
    const bomb = await temporaryFile('b', gzipSync(Buffer.alloc(1_000_001, 32)))
    const said = renderUserError(await userError(readTextFile(bomb, { gzip: true, most: 1_000_000 })))
    expect(said).toContain('it unpacks to more than 1000000 bytes')
  })
})
