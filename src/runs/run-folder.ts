import { type WeightFormat } from '../model/weight-format.js'
import { type TensorData } from '../safetensors/encode.js'
import { fileError, systemCode } from '../files/file-error.js'
import { existsSync } from 'node:fs'
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Precision, Schedule } from '../../compiler/artifact.js'
import type { Reading } from '../data/reading.js'
import { UserError } from '../errors/user-error.js'
import { writeAtomic } from '../files/atomic.js'
import { readJsonObjectIfAny } from '../files/json-file.js'
import { makeFolder } from '../files/make-folder.js'
import { readTextFile } from '../files/text-file.js'
import { openCheckpoint } from '../folders/open-checkpoint.js'
import { writeSafetensors } from '../folders/write-safetensors.js'
import { checkFields } from '../json/check-fields.js'
import type { ModelIdentity } from '../model/identity.js'
import { readHistory, readPosition } from '../train/run-record.js'

/** The numbers a step reported; `step` counts from 1. */
export interface StepRecord {
  readonly step: number
  readonly [metric: string]: number
}

/** What an epoch's validation found after `step`. */
export interface EpochRecord {
  readonly epoch: number
  readonly step: number
  readonly loss: number
}

export interface History {
  readonly steps: readonly StepRecord[]
  readonly epochs: readonly EpochRecord[]
}

/** Everything that decides a run: the same description gives the same bits on the same device. */
export interface RunDescription {
  readonly format: 'jola-run-1'
  readonly program: string
  readonly recipe: string
  readonly programHash: string
  readonly model: string
  /** Which model it is, whatever its folder is called. */
  readonly base?: ModelIdentity
  /** What the model's weights are on the device. */
  readonly weights?: WeightFormat
  /** Entries and tensors of the model that were refused and let pass. */
  readonly allow?: readonly string[]
  /** What products are computed in. */
  readonly precision?: Precision
  /** The schedules that measuring chose, by their kernels' signatures; all others are the cost model's. */
  readonly schedules?: Readonly<Record<string, Schedule>>
  /** Bytes that it was told to take at most. */
  readonly memory?: number
  /** Bytes that it was held to, by that or by what the device had: what passes them is computed in other parts. */
  readonly budget?: number
  readonly data: string
  /** How the data's files are read, where that was said. */
  readonly reading?: Reading
  /** Of the data's tokens: the files may have changed under the same name. */
  readonly dataDigest: string
  readonly seed: number
  readonly settings: Readonly<Record<string, number | boolean | string>>
  readonly sizes: Readonly<Record<string, number>>
  readonly device: string
  readonly trainable: number
}

/** Where training can go on from. `best` is the epoch record whose state was the best so far. */
export interface Position {
  readonly step: number
  readonly done: boolean
  /** Steps in all, if no early stop comes between. */
  readonly steps: number
  readonly best?: EpochRecord
}

/** A tensor of the state, as saved. */
export interface StateTensor {
  readonly shape: readonly number[]
  readonly data: Float32Array
}

/** The names of an adapter's tensors and of its description within a run's folder, and of the folder of a trained model. */
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

/** The runs at a path: the run itself, or those of its seeds (`seed-0`, `seed-1`, …) by number. Throws a `UserError` if it is a file. */
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

/** What a run's weights are on the device; f32 where it was begun before there was a choice. */
export const formatOf = (run: Pick<RunDescription, 'weights'>): WeightFormat => run.weights ?? 'f32'

/** What a run's products are computed in; f32 where it was begun before there was a choice. */
export const precisionOf = (run: Pick<RunDescription, 'precision'>): Precision => run.precision ?? 'f32'

/** A run's folder: its description, the state to resume from with its history, and the best state. */
export class RunFolder {
  constructor(readonly path: string) {}

  file(name: string): string {
    return join(this.path, name)
  }

  /** Makes the folder. Refuses one that already holds a run unless it is to be resumed or replaced. */
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

  /** Takes away a run and its adapter, which would pass for the next run's while that is under way. */
  async clear(): Promise<void> {
    for (const name of [...Object.values(files), adapterFiles.tensors, adapterFiles.config])
      await rm(this.file(name), { force: true }).catch((error: unknown) => {
        throw fileError('replace the run', this.path, error)
      })
  }

  async describe(run: RunDescription): Promise<void> {
    await writeAtomic(this.file(files.run), [`${JSON.stringify(run, undefined, 2)}\n`])
  }

  /** What the folder's run is, if it holds one. */
  async descriptionIfAny(): Promise<RunDescription | undefined> {
    const found = await readJsonObjectIfAny(this.file(files.run))
    if (found === undefined) return undefined
    checkFields(this.file(files.run), found, {
      program: 'text',
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

  /** State, position and history in one file, so that they can never disagree. */
  async save(state: ReadonlyMap<string, StateTensor>, position: Position, history: History): Promise<void> {
    await this.write(files.state, state, {
      position: JSON.stringify(position),
      history: JSON.stringify(history),
    })
  }

  async saveBest(state: ReadonlyMap<string, StateTensor>): Promise<void> {
    await this.write(files.best, state, {})
  }

  async load(): Promise<
    | {
        readonly state: ReadonlyMap<string, StateTensor>
        readonly position: Position
        readonly history: History
      }
    | undefined
  > {
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

  /** How far the run has come, if its state was saved; no tensor is read. */
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
