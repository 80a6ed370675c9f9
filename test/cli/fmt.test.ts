import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { folderWith, jola } from './support.js'

describe('jola fmt', () => {
  const untidy = 'fn f(x:f32)->f32=x // same\n'
  const tidy = 'fn f(x: f32) -> f32 = x  // same\n'

  it('writes the files of a folder that change, and names them', async () => {
    const folder = await folderWith({ 'a.jola': untidy, 'b.jola': tidy, 'c.txt': untidy })
    const { code, out, err } = await jola('fmt', folder)
    expect(code).toBe(0)
    expect(out.trim().split('\n')).toEqual([expect.stringContaining('a.jola')])
    expect(err).toContain('2 files: 1 changed')
    expect(await readFile(join(folder, 'a.jola'), 'utf8')).toBe(tidy)
    expect(await readFile(join(folder, 'c.txt'), 'utf8')).toBe(untidy)
    expect((await jola('fmt', '--check', folder)).code).toBe(0)
  })

  it('--check names what would change, exits with 1 and writes nothing', async () => {
    const folder = await folderWith({ 'a.jola': untidy })
    const { code, out } = await jola('fmt', '--check', folder)
    expect(code).toBe(1)
    expect(out).toContain('a.jola')
    expect(await readFile(join(folder, 'a.jola'), 'utf8')).toBe(untidy)
  })

  it('leaves a file alone that does not parse, says why, and goes on with the others', async () => {
    const folder = await folderWith({ 'a.jola': 'fn f( = 1\n', 'b.jola': untidy })
    const { code, err } = await jola('fmt', folder)
    expect(code).toBe(1)
    expect(err).toMatch(/error\[E01\d\d\]/)
    expect(await readFile(join(folder, 'a.jola'), 'utf8')).toBe('fn f( = 1\n')
    expect(await readFile(join(folder, 'b.jola'), 'utf8')).toBe(tidy)
  })

  it('refuses - beside files, and a folder without programs', async () => {
    expect((await jola('fmt', '-', 'a.jola')).code).toBe(2)
    expect((await jola('fmt', await folderWith({}))).code).toBe(1)
  })
})
