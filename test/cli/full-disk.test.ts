import { execFileSync, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { folderWith, tensorsFile } from './support.js'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** A shell in which a small file system can be mounted, which nobody else sees. */
const shell = ['unshare', '--map-root-user', '--mount', 'sh', '-c'] as const

const mounts = (): boolean => {
  try {
    execFileSync(shell[0], [...shell.slice(1), 'mount -t tmpfs tmpfs /mnt'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/**
 * Runs a script with a disk of 16 KiB at DISK, after `before`; what the command said, its exit code, and what
 * is left in the folder.
 */
const onSmallDisk = async (script: string, before: string) => {
  const disk = await folderWith({})
  const lines = [
    `mount -t tmpfs -o size=16k tmpfs DISK && ${before}`,
    `cd ${root}`,
    `${script} 2>&1`,
    'echo "exit $?"',
    'ls -A DISK',
  ]
  const text = lines.join('\n').replaceAll('DISK', disk)
  return spawnSync(shell[0], [...shell.slice(1), text], { encoding: 'utf8' }).stdout.replaceAll(disk, 'DISK')
}

const readOnly = 'mount -o remount,ro DISK'

describe.skipIf(!mounts())('a disk that is full or read-only', () => {
  const node = `${process.execPath} --import tsx`
  const full = 'head -c 16384 /dev/zero > DISK/filler'

  it('leaves nothing half-written where run was to write', async () => {
    const folder = await folderWith({ 'f.jola': 'fn f(n: f32[N]) -> f32[N, N] = for i, j -> n[i] * n[j]\n' })
    const tensors = await tensorsFile({ n: { dtype: 'F32', shape: [100], data: new Float32Array(100) } })
    const command =
      `${node} src/cli/main.ts run ${join(folder, 'f.jola')} --fn f --in ${tensors} ` +
      '--device interpreter --out DISK/o.safetensors'
    const wrong = (why: string): string =>
      `error: cannot write the file\n  where: DISK/o.safetensors\n  why:   ${why}\n  hint:  `
    const filled = await onSmallDisk(command, 'true')
    expect(filled).toContain(wrong('the disk is full'))
    expect(filled).toMatch(/\nexit 1\n$/)
    const refused = await onSmallDisk(command, readOnly)
    expect(refused).toContain(wrong('the file system is read-only'))
    expect(refused).toMatch(/\nexit 1\n$/)
  })

  it('leaves no lock and no folder where a run was to begin', async () => {
    const said = await onSmallDisk(`${node} test/runs/holds.ts DISK/run`, full)
    expect(said).toContain('cannot write into the folder')
    expect(said.split('\n').slice(-2)).toEqual(['filler', ''])
  })
})
