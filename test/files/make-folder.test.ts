import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { makeFolder } from '../../src/files/make-folder.js'
import { temporaryDirectory } from '../support/temporary.js'

it('makes a folder, whatever of its path is there', async () => {
  const path = join(await temporaryDirectory(), 'a', 'b', 'c')
  await makeFolder(path)
  expect(existsSync(path)).toBe(true)
  await makeFolder(path)
  await makeFolder(join(path, 'd'))
  expect(existsSync(join(path, 'd'))).toBe(true)
})

it('tells what the system says against it', async () => {
  const folder = await temporaryDirectory()
  writeFileSync(join(folder, 'file'), '')
  await expect(makeFolder(join(folder, 'file'))).rejects.toMatchObject({ code: 'EEXIST' })
  await expect(makeFolder(join(folder, 'file', 'a', 'b'))).rejects.toMatchObject({ code: 'ENOTDIR' })
  if (!existsSync('/proc/self')) return
  for (const path of ['/proc/x', '/proc/x/y'])
    await expect(makeFolder(path)).rejects.toMatchObject({ code: 'ENOENT' })
})
