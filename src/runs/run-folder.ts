import { existsSync } from 'node:fs'
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError } from '../errors/user-error.js'
import { writeAtomic } from '../files/atomic.js'
import { fileError, systemCode } from '../files/file-error.js'
import { readJsonObjectIfAny } from '../files/json-file.js'
import { makeFolder } from '../files/make-folder.js'
import { readTextFile } from '../files/text-file.js'
import { openCheckpoint } from '../folders/open-checkpoint.js'
import { writeSafetensors } from '../folders/write-safetensors.js'
import { checkFields } from '../json/check-fields.js'
import type { TensorData } from '../safetensors/encode.js'
import { readHistory, readPosition } from '../train/parse-run-record.js'
import type {
  History,
  Position,
  RunDescription,
  RunStore,
  SavedRun,
  StateTensor,
} from '../train/run-record.js'

/**
 * The names of an adapter's tensors and of its description within a run's folder, and of the folder of a
 * trained model.
 */
export const adapterFiles = {
  tensors: 'adapter_model.safetensors',
  config: 'adapter_config.json',
  model: 'model',
} as const

const files = { run: 'run.json', state: 'state.safetensors', best: 'best.safetensors' } as const

/** Whether the folder holds an adapter. */
export const isAdapted = (path: string): boolean => existsSync(join(path, adapterFiles.config))

/** Whether a run was begun in the folder. */
export const isBegun = (path: string): boolean => existsSync(join(path, files.run))

const seedFolder = /^seed-(\d+)$/

/**
 * The runs at a path: the run itself, or those of its seeds (`seed-0`, `seed-1`, …) by number. Throws a
 * `UserError` if it is a file.
 */
export const runsAt = async (path: string): Promise<readonly string[]> => {
  if (isBegun(path) || isAdapted(path)) return [path]
  if ((await stat(path).catch(() => undefined))?.isFile() === true)
    throw new UserError({
      what: 'a run is a folder, and this is a file',
      where: path,
      hint: 'name what was given to `jola train --out`; a model goes to --model',
    })
  const seeds = (await readdir(path).catch(() => []))
    .filter(name => seedFolder.test(name) && isBegun(join(path, name)))
    .sort((a, b) => Number(seedFolder.exec(a)![1]) - Number(seedFolder.exec(b)![1]))
  return seeds.length === 0 ? [path] : seeds.map(name => join(path, name))
}

/** A run's folder: its description, the state to resume from with its history, and the best state. */
export class RunFolder implements RunStore {
  constructor(readonly path: string) {}

  file(name: string): string {
    return join(this.path, name)
  }

  /** Makes the folder. Refuses a folder that holds a run, unless the run is to be resumed or replaced. */
  async create(mode: 'new' | 'resume'): Promise<void> {
    const known = await stat(this.file(files.run)).catch(() => undefined)
    if (mode === 'new' && known !== undefined)
      throw new UserError({
        what: 'the folder already holds a run',
        where: this.path,
        hint: 'add --resume to go on with it, --force to replace it, or choose another --out',
      })
    await makeFolder(this.path).catch((error: unknown) => {
      throw fileError('make the folder', this.path, error)
    })
  }

  /** Removes a run and its adapter, which could otherwise be mistaken for the result of the next run. */
  async clear(): Promise<void> {
    for (const name of [...Object.values(files), adapterFiles.tensors, adapterFiles.config])
      await rm(this.file(name), { force: true }).catch((error: unknown) => {
        throw fileError('replace the run', this.path, error)
      })
  }

  async describe(run: RunDescription): Promise<void> {
    await writeAtomic(this.file(files.run), [`${JSON.stringify(run, undefined, 2)}\n`])
  }

  /** The description of the folder's run, if it holds one. */
  async descriptionIfAny(): Promise<RunDescription | undefined> {
    const found = await readJsonObjectIfAny(this.file(files.run))
    if (found === undefined) return undefined
    checkFields(this.file(files.run), found, {
      program: 'text',
      modelProgram: 'text?',
      recipe: 'text',
      programHash: 'text',
      model: 'text',
      base: 'object?',
      weights: 'format?',
      precision: 'precision?',
      schedules: 'schedules?',
      memory: 'count?',
      budget: 'count?',
      data: 'text',
      reading: 'object?',
      dataDigest: 'text',
      epoch: 'epoch?',
      seed: 'count',
      settings: 'settings',
      sizes: 'counts',
      device: 'text',
      trainable: 'count',
    })
    return found as unknown as RunDescription
  }

  async description(): Promise<RunDescription> {
    const run = await this.descriptionIfAny()
    if (run === undefined)
      throw new UserError({
        what: 'this is not the folder of a run',
        where: this.path,
        why: `there is no ${files.run} in it`,
        hint: 'name the folder that was given to `jola train --out`',
      })
    return run
  }

  /** State, position and history are in one file, so that they always agree. */
  async save(state: ReadonlyMap<string, StateTensor>, position: Position, history: History): Promise<void> {
    await this.write(files.state, state, {
      position: JSON.stringify(position),
      history: JSON.stringify(history),
    })
  }

  async saveBest(state: ReadonlyMap<string, StateTensor>): Promise<void> {
    await this.write(files.best, state, {})
  }

  async load(): Promise<SavedRun | undefined> {
    const found = await stat(this.file(files.state)).catch((error: unknown) => {
      if (systemCode(error) === 'ENOENT') return undefined
      throw fileError('read the state', this.file(files.state), error)
    })
    if (found === undefined) return undefined
    const { state, metadata } = await this.read(files.state)
    return {
      state,
      position: readPosition(this.file(files.state), metadata.position),
      history: readHistory(this.file(files.state), metadata.history),
    }
  }

  /** The saved position of the run, if there is one; reads no tensor. */
  async position(): Promise<Position | undefined> {
    if (!existsSync(this.file(files.state))) return undefined
    const checkpoint = await openCheckpoint(this.file(files.state))
    await checkpoint.close()
    return readPosition(this.file(files.state), checkpoint.metadata.position)
  }

  async loadBest(): Promise<ReadonlyMap<string, StateTensor>> {
    return (await this.read(files.best)).state
  }

  async text(name: string): Promise<string> {
    return readTextFile(this.file(name)).catch((error: unknown) => {
      throw fileError('read the file', this.file(name), error)
    })
  }

  private async write(
    name: string,
    state: ReadonlyMap<string, StateTensor>,
    metadata: Record<string, string>,
  ) {
    const tensors = new Map<string, TensorData>([...state].map(([k, t]) => [k, { dtype: 'F32', ...t }]))
    await writeSafetensors(this.file(name), tensors, metadata)
  }

  private async read(name: string) {
    const checkpoint = await openCheckpoint(this.file(name))
    try {
      const state = new Map<string, StateTensor>()
      for (const [k, entry] of checkpoint.tensors)
        state.set(k, { shape: entry.shape, data: await checkpoint.readF32(k) })
      return { state, metadata: checkpoint.metadata }
    } finally {
      await checkpoint.close()
    }
  }
}
