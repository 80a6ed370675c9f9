import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, rmSync } from 'node:fs'
import { readdir, readFile, realpath, rm, rmdir, stat, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { UserError } from '../errors/user-error.js'
import { fileError } from '../files/file-error.js'
import { makeFolder } from '../files/make-folder.js'

/** A process, identified so that a later process with the same number is not mistaken for it. */
interface ProcessName {
  readonly pid: number
  /** Its start time, in the system's form; empty if it is unknown. */
  readonly start: string
  readonly host: string
}

const short = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 12)

const host = short(hostname())

const linuxStart = (pid: number): string | undefined => {
  try {
    // The program's name, in brackets, may hold any character. The state follows it, and the 20th field from
    // there is the start, in ticks since the machine started.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\)/s, '').trim().split(' ')
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined
    return short(`${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')} ${fields[19]}`)
  } catch {
    return undefined
  }
}

/**
 * The start time of a process; `undefined` if the process does not exist, empty if the system does not tell.
 */
const startOf = (pid: number): string | undefined => {
  if (process.platform === 'linux') return linuxStart(pid)
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return undefined
  }
  if (process.platform === 'win32') return ''
  try {
    return short(execFileSync('ps', ['-o', 'lstart=', '-p', `${pid}`], { encoding: 'utf8' }))
  } catch {
    return ''
  }
}

/** Whether a process exists. A process on another machine counts as existing. */
const mayRun = ({ pid, start, host: its }: ProcessName): boolean => {
  if (its !== host) return true
  const now = startOf(pid)
  return now !== undefined && (now === '' || start === '' || now === start)
}

const prefix = '.jola-lock'

const nameOf = ({ pid, start, host: its }: ProcessName): string => `${prefix}.${pid}.${start}.${its}`

const processOf = (name: string): ProcessName | undefined => {
  const [, pid, start, its] = /^\.jola-lock\.(\d+)\.([0-9a-f]*)\.([0-9a-f]+)$/.exec(name) ?? []
  return pid === undefined ? undefined : { pid: Number(pid), start: start!, host: its! }
}

const inUse = async (folder: string, name: string): Promise<UserError> => {
  const owner = processOf(name)!
  const since = await readFile(join(folder, name), 'utf8').catch(() => '')
  return new UserError({
    what: 'the folder is in use by another run',
    where: folder,
    why: `process ${owner.pid}${since.trim() === '' ? '' : `, ${since.trim()},`} is training into it`,
    hint:
      owner.host === host
        ? 'wait until it ends, stop it, or choose another --out'
        : 'wait until it ends, or choose another --out; it is on another machine: if it is not ' +
          `there any more, delete ${join(folder, name)}`,
  })
}

/** Folders that this process holds. */
const held = new Set<string>()

/** A folder that only this process writes into. */
export interface Hold {
  /** Releases the folder, and removes it if it was made for this and is empty. */
  release(): Promise<void>
}

/**
 * The owner of a folder has a file in it that names its process. A process first writes its file and then
 * looks for others: if two do so at the same time, each sees the other, so at most one goes on. The file of a
 * process that has ended is ignored and removed.
 */
const claim = async (folder: string, own: string): Promise<string | undefined> => {
  await writeFile(join(folder, own), `since ${new Date().toISOString()} on ${hostname()}\n`)
  let other: string | undefined
  for (const name of await readdir(folder)) {
    const owner = name === own ? undefined : processOf(name)
    if (owner === undefined) continue
    if (mayRun(owner)) other ??= name
    else await rm(join(folder, name), { force: true })
  }
  if (other !== undefined) await rm(join(folder, own), { force: true })
  return other
}

/** Whether another running process holds a folder. */
export const isHeldElsewhere = async (folder: string): Promise<boolean> =>
  (await readdir(folder).catch(() => [])).some(name => {
    const owner = processOf(name)
    return owner !== undefined && !(owner.pid === process.pid && owner.host === host) && mayRun(owner)
  })

/** Attempts: two processes that begin at the same moment both step back and try again. */
const attempts = 3

/**
 * Makes a folder if it is missing, and locks it for this process. Rejects with a `UserError` if another
 * running process, or this one, holds it already. When a process ends, its lock ends too.
 */
export const holdFolder = async (folder: string): Promise<Hold> => {
  const found = await stat(folder).catch(() => undefined)
  if (found?.isFile() === true)
    throw new UserError({
      what: 'cannot make the folder',
      where: folder,
      why: 'it is a file, not a directory',
      hint: 'choose another folder',
    })
  await makeFolder(folder).catch((error: unknown) => {
    throw fileError('make the folder', folder, error)
  })
  const leave = async (path: string, own: string): Promise<void> => {
    held.delete(path)
    await rm(join(path, own), { force: true })
    // This fails if the folder is not empty.
    if (found === undefined) await rmdir(path).catch(() => undefined)
  }
  try {
    const path = await realpath(folder)
    const own = nameOf({ pid: process.pid, start: startOf(process.pid) ?? '', host })
    if (held.has(path)) throw await inUse(path, own)
    held.add(path)
    try {
      for (let attempt = 1; ; attempt++) {
        const other = await claim(path, own)
        if (other === undefined) break
        if (attempt === attempts) throw await inUse(path, other)
        await sleep(50 + 150 * Math.random())
      }
    } catch (error) {
      await leave(path, own)
      throw error
    }
    const atExit = (): void => rmSync(join(path, own), { force: true })
    process.on('exit', atExit)
    return {
      async release() {
        process.off('exit', atExit)
        await leave(path, own)
      },
    }
  } catch (error) {
    throw fileError('write into the folder', folder, error)
  }
}

const temporary = /^\.(.+)\.(\d+)\.[0-9a-f]{8}\.tmp$/

/**
 * Removes the temporary files of killed processes from a run's folder and from the folder of its model. Files
 * of running processes, such as `jola report`, stay.
 */
export const sweepTemporary = async (folder: string, model: string): Promise<void> => {
  for (const each of [folder, model])
    for (const name of await readdir(each).catch(() => [])) {
      const [, file, pid] = temporary.exec(name) ?? []
      if (file === undefined) continue
      if (file === 'report.html' && startOf(Number(pid)) !== undefined) continue
      await rm(join(each, name), { force: true }).catch((error: unknown) => {
        throw fileError('take away an unfinished file', join(each, name), error)
      })
    }
}
