// Training as a loop of submitted steps. The device runs ahead: a step's metrics are read back while later
// steps run. State, position and history are saved together, so that a run that was killed goes on to the
// same bits. In: a recipe, its model and batches. Out: the history, and the best state in a `RunStore`.
// session.ts and compile.ts compile the methods; the platform stores the run (src/runs: in folders).

import { download, Readback } from '../../runtime/index.js'
import type { BatchStream } from '../data/batch.js'
import { UserError } from '../errors/user-error.js'
import type { CompileOptions, TrainingSubject } from './compile.js'
import type { DataSet } from './data-set.js'
import type {
  EpochRecord,
  History,
  Position,
  RunDescription,
  RunStore,
  StateTensor,
  StepRecord,
} from './run-record.js'
import { openSession, type Session } from './session.js'

/** The length of training, and its random seed. */
export interface TrainingSchedule {
  readonly epochs: number
  /** Epochs without a better validation loss after which training stops. */
  readonly patience: number
  readonly seed: number
}

/** The storage of a run, and its description there. */
export interface TrainingRecord {
  readonly store: RunStore
  /** Seconds between two savings of the state within an epoch. */
  readonly saveEvery: number
  /** Whether the run continues from its saved state. */
  readonly resume: boolean
  /** Whether a resumed run gets a new description, because its program or model has changed. */
  readonly describeAnew: boolean
  readonly describe: (trainable: number, session: Session) => RunDescription
}

/** One training run. */
export interface TrainJob {
  readonly subject: TrainingSubject
  readonly data: { readonly train: BatchStream; readonly valid: BatchStream }
  readonly schedule: TrainingSchedule
  readonly record: TrainingRecord
  /** The choice of kernels, and the schedules and the memory limit of a resumed run, if they are known. */
  readonly compiling: Pick<CompileOptions, 'chooseSchedules' | 'schedules' | 'memory'>
  readonly watcher: TrainWatcher
  /** Becomes aborted when the user wants to stop. */
  readonly signal: AbortSignal
}

/** Receives the progress of a run. Steps are counted from 1. */
export interface TrainWatcher {
  /** The forced differences between a resumed run's beginning and now. */
  forced?(differs: readonly string[]): void
  /** The data has been read: its amount, and remarks about it. */
  read?(data: DataSet): void
  /**
   * Program, model and data have been read and fit together; the methods will now be compiled, which may take
   * seconds.
   */
  preparing(): void
  /** The numbers of compiled and of all kernels; only for drivers that compile slowly. */
  compiled(done: number, total: number): void
  /** Something that the user may not have meant. */
  remark?(text: string): void
  started(info: {
    readonly steps: number
    readonly from: number
    readonly trainable: number /** Bytes of the device's memory. */
    readonly bytes: number
  }): void
  /** The state before the first step; not called when a run is resumed. */
  initial?(state: ReadonlyMap<string, StateTensor>, session: Session): void
  step(record: StepRecord): void
  epoch(record: EpochRecord, best: boolean): void
}

export interface TrainOutcome {
  readonly history: History
  readonly best: EpochRecord | undefined
  /** The parts of the state that `predict` reads. */
  readonly learned: readonly string[]
  /** `finished`, `early` (no better validation loss for `patience` epochs), or `stopped` by the user. */
  readonly end: 'finished' | 'early' | 'stopped'
}

const snapshot = async (session: Session): Promise<ReadonlyMap<string, StateTensor>> => {
  const names = Object.keys(session.state)
  const values = await download(
    session.device,
    names.map(n => session.state[n]!),
  )
  return new Map(
    names.map((n, i) => [n, { shape: session.state[n]!.shape, data: Float32Array.from(values[i]!) }]),
  )
}

/**
 * The mean of `validate` over the batches, each weighted by the number of tokens that count in it;
 * `undefined` if it was aborted.
 */
const validationLoss = async (
  session: Session,
  stream: BatchStream,
  signal: AbortSignal,
): Promise<number | undefined> => {
  let sum = 0
  let weight = 0
  const readback = new Readback<number>(session.device)
  const take = (readings: Awaited<ReturnType<Readback<number>['drain']>>): void => {
    for (const { tag, values } of readings) {
      const loss = (values.result ?? values.loss ?? Object.values(values)[0])![0]!
      sum += loss * tag
      weight += tag
    }
  }
  for (let i = 0; i < stream.stepsPerEpoch && !signal.aborted; i++) {
    const batch = stream.at(0, i)
    const tokens = batch.weight.reduce((a, b) => a + b, 0)
    await session.prepare(batch.length)
    take(await readback.push(tokens, session.validate(batch)))
  }
  take(await readback.drain())
  readback.destroy()
  return signal.aborted ? undefined : sum / Math.max(weight, 1)
}

/** The error of a training whose numbers have left what they can hold. */
export class Diverged extends UserError {}

const notFinite = (step: number, metric: string, value: number, saved: number): Diverged =>
  new Diverged({
    what: `training stopped at step ${step}: ${metric} is ${Number.isNaN(value) ? 'not a number' : value}`,
    why: 'the numbers have grown past what they can hold, most often because the learning rate is too high',
    hint: `the state after step ${saved} is kept in the run's folder; try a smaller --set learning_rate=…`,
  })

/**
 * Trains: epochs of steps, a validation after each, the best state kept, early stopping after `patience`
 * epochs without a better validation loss. State, position and history are saved together, so a run that was
 * killed goes on with --resume and ends in the same bits.
 */
export const runTraining = async (job: TrainJob): Promise<TrainOutcome> => {
  const { subject, record: keeping, watcher } = job
  const { device, settings } = subject
  const { train, valid } = job.data
  const { epochs, patience, seed } = job.schedule
  const { store } = keeping
  const steps = epochs * train.stepsPerEpoch
  const setting = (name: string) => (settings.has(name) ? `--set ${name}=` : undefined)
  watcher.preparing()
  const session = await openSession(
    subject,
    { ...train, T: Math.max(train.T, valid.T) },
    {
      ...job.compiling,
      compiled: watcher.compiled,
      signal: job.signal,
      remedies: { batch: setting('batch'), context: setting('context') },
    },
  )
  const readback = new Readback<number>(device)
  try {
    const saved = keeping.resume ? await store.load() : undefined
    const { learned } = session
    const trainable = learned.reduce((n, name) => n + session.state[name]!.bytes / 4, 0)
    if (saved === undefined) {
      session.initialise(seed)
      await store.describe(keeping.describe(trainable, session))
    } else session.restore(saved.state)
    if (saved !== undefined && keeping.describeAnew)
      await store.describe(keeping.describe(trainable, session))

    let at = saved?.position.step ?? 0
    let best = saved?.position.best
    let savedStep = at
    const stepRecords: StepRecord[] = [...(saved?.history.steps ?? [])]
    const epochRecords: EpochRecord[] = [...(saved?.history.epochs ?? [])]
    const history = (): History => ({ steps: stepRecords, epochs: epochRecords })
    watcher.started({ steps, from: at, trainable, bytes: device.residentBytes })
    const warmup = settings.get('warmup')
    if (typeof warmup === 'number' && warmup >= steps)
      watcher.remark?.(
        `the warm-up of ${warmup} steps does not end in this run of ${steps}: ` +
          '--set warmup=… makes it shorter',
      )
    if (saved?.position.done === true) return { history: history(), best, learned, end: 'finished' }

    const take = (readings: Awaited<ReturnType<Readback<number>['drain']>>): void => {
      for (const { tag, values } of readings) {
        const metrics = Object.fromEntries(Object.entries(values).map(([k, v]) => [k, v[0]!]))
        for (const [k, v] of Object.entries(metrics))
          if (!Number.isFinite(v)) throw notFinite(tag, k, v, savedStep)
        const record: StepRecord = { step: tag, ...metrics }
        stepRecords.push(record)
        watcher.step(record)
      }
    }
    const save = async (position: Omit<Position, 'best' | 'steps'>): Promise<void> => {
      take(await readback.drain())
      const state = await snapshot(session)
      // A step's metrics describe the state before it, so they may be finite even if the new state is not.
      for (const [name, { data }] of state)
        if (data.some(Number.isNaN)) throw notFinite(position.step, `\`${name}\``, Number.NaN, savedStep)
      await store.save(state, { ...position, steps, ...(best === undefined ? {} : { best }) }, history())
      savedStep = position.step
    }
    if (saved === undefined) {
      await save({ step: 0, done: false })
      if (watcher.initial !== undefined) watcher.initial(await snapshot(session), session)
    }

    const stopped = async (): Promise<TrainOutcome> => {
      await save({ step: at, done: false })
      return { history: history(), best, learned, end: 'stopped' }
    }
    let lastSave = Date.now()
    for (;;) {
      // This also covers a run that was interrupted between an epoch's last step and its validation.
      if (at > 0 && at % train.stepsPerEpoch === 0 && epochRecords.at(-1)?.step !== at) {
        take(await readback.drain())
        const epoch = at / train.stepsPerEpoch
        const loss = await validationLoss(session, valid, job.signal)
        if (loss === undefined) return await stopped()
        if (!Number.isFinite(loss)) throw notFinite(at, 'the validation loss', loss, savedStep)
        const record: EpochRecord = { epoch, step: at, loss }
        epochRecords.push(record)
        const better = best === undefined || loss < best.loss
        if (better) {
          best = record
          await store.saveBest(await snapshot(session))
        }
        const early = epoch - (best?.epoch ?? 0) >= patience
        await save({ step: at, done: early || at === steps })
        lastSave = Date.now()
        watcher.epoch(record, better)
        if (early) return { history: history(), best, learned, end: 'early' }
      }
      if (at === steps) return { history: history(), best, learned, end: 'finished' }
      const epoch = Math.floor(at / train.stepsPerEpoch)
      const batch = train.at(epoch, at % train.stepsPerEpoch)
      await session.prepare(batch.length)
      session.step(batch, { step: at, steps, epoch }, seed)
      at += 1
      take(await readback.push(at, session.metricTensors))
      if (job.signal.aborted) return await stopped()
      if (Date.now() - lastSave > keeping.saveEvery * 1000) {
        await save({ step: at, done: false })
        lastSave = Date.now()
      }
    }
  } finally {
    readback.destroy()
    session.close()
  }
}
