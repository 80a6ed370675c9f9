import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { mkdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { holdFolder, sweepTemporary } from '../../src/runs/lock.js'
import { temporaryDirectory } from '../support/temporary.js'
import { userError } from '../support/user-error.js'

const script = fileURLToPath(new URL('holds.ts', import.meta.url))

/** Another process that holds a folder. */
const holder = async (folder: string): Promise<ChildProcess> => {
  const child = spawn(process.execPath, ['--import', 'tsx', script, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  await new Promise<void>((resolve, reject) => {
    child.stdout!.once('data', () => resolve())
    child.once('exit', () => reject(new Error('it ended')))
  })
  return child
}

const locks = (folder: string): readonly string[] =>
  readdirSync(folder).filter(name => name.startsWith('.jola-lock'))

describe('the folder of a run', () => {
  it('is of one process at a time, until that ends, however it ends', async () => {
    const folder = join(await temporaryDirectory(), 'run')
    const other = await holder(folder)
    const error = await userError(holdFolder(folder))
    expect(error.what).toBe('the folder is in use by another run')
    expect(error.why).toContain(`process ${other.pid}, since 2`)
    const gone = new Promise(resolve => other.once('exit', resolve))
    other.kill('SIGKILL')
    await gone
    const hold = await holdFolder(folder)
    expect(locks(folder)).toHaveLength(1)
    expect((await userError(holdFolder(folder))).what).toBe('the folder is in use by another run')
    await hold.release()
    expect(existsSync(folder)).toBe(true)
    await (await holdFolder(folder)).release()
    expect(locks(folder)).toEqual([])
  })

  it('is not held by a process that has the number of one that is gone', async () => {
    const folder = await temporaryDirectory()
    const hold = await holdFolder(folder)
    const [own] = locks(folder)
    const [, , pid, start, host] = own!.split('.') as [string, string, string, string, string]
    await hold.release()
    writeFileSync(join(folder, `.jola-lock.${pid}.${'0'.repeat(start.length)}.${host}`), '')
    const again = await holdFolder(folder)
    expect(locks(folder)).toEqual([own])
    await again.release()
  })

  it('may be held by a process on another machine, which only people can tell', async () => {
    const folder = await temporaryDirectory()
    const name = `.jola-lock.${process.pid}.0123456789ab.0123456789ab`
    writeFileSync(join(folder, name), '')
    expect((await userError(holdFolder(folder))).hint).toContain(`delete ${join(folder, name)}`)
    await rename(join(folder, name), join(folder, 'aside'))
    await (await holdFolder(folder)).release()
  })

  it('that was made for nothing is taken away', async () => {
    const folder = join(await temporaryDirectory(), 'none')
    await (await holdFolder(folder)).release()
    expect(existsSync(folder)).toBe(false)
    const file = join(await temporaryDirectory(), 'file')
    writeFileSync(file, '')
    expect((await userError(holdFolder(file))).why).toContain('not a directory')
  })

  it('has no unfinished files of a process that was killed', async () => {
    const folder = await temporaryDirectory()
    const model = join(folder, 'model')
    await mkdir(model)
    const left = [
      join(folder, '.state.safetensors.4000001.0a1b2c3d.tmp'),
      join(folder, `.run.json.${process.pid}.0a1b2c3d.tmp`),
      join(folder, '.report.html.4000001.0a1b2c3d.tmp'),
      join(model, '.model.safetensors.4000001.0a1b2c3d.tmp'),
    ]
    const kept = [join(folder, `.report.html.${process.pid}.0a1b2c3d.tmp`), join(folder, 'notes.tmp')]
    for (const file of [...left, ...kept]) writeFileSync(file, '')
    await sweepTemporary(folder, model)
    expect(left.filter(existsSync)).toEqual([])
    expect(kept.filter(existsSync)).toEqual(kept)
  })
})
