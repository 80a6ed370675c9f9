import { join, resolve } from 'node:path'
import type { CoreRecipe } from '../../compiler/core/core.js'
import type { Device } from '../../runtime/index.js'
import { showBytes } from '../../runtime/index.js'
import type { EpochCounts } from '../data/epoch-counts.js'
import { type Reading, readingDiffers } from '../data/reading.js'
import { UserError } from '../errors/user-error.js'
import { type LoadedProgram, loadProgram, programName } from '../folders/load-program.js'
import { modelIdentityOf } from '../folders/model-identity.js'
import { chosenModelProgram } from '../folders/model-program.js'
import { openChat } from '../folders/open-chat.js'
import { openDataFolder } from '../folders/open-data.js'
import { openModel } from '../folders/open-model.js'
import { nodeSha256 } from '../host/node-sha256.js'
import { identityDiffers, type ModelIdentity, shortHash } from '../model/identity.js'
import { modelFacts } from '../model/model.js'
import type { WeightFormat } from '../model/weight-format.js'
import { begunSettings } from '../recipe/driver-settings.js'
import { findRecipe } from '../recipe/find-recipe.js'
import { stateType } from '../recipe/recipe-parts.js'
import { countSetting, type Settings, settingsOf } from '../recipe/settings.js'
import { openDataSet, pairsOf } from '../train/data-set.js'
import { formatOf, precisionOf, type RunDescription } from '../train/run-record.js'
import type { Session } from '../train/session.js'
import { runTraining, type TrainOutcome, type TrainWatcher } from '../train/train.js'
import { tuningFor } from '../tune/tune.js'
import { exportState } from './export-state.js'
import { holdFolder, sweepTemporary } from './lock.js'
import { adapterFiles, isBegun, RunFolder } from './run-folder.js'

/** The options of a training run. */
export interface TrainRequest {
  readonly file: string
  /** The module that recipes import as `std.model`; a resumed run keeps its own. */
  readonly program?: string
  readonly recipe?: string
  readonly model: string
  readonly data: string
  /** Options for reading the data's files; a resumed run keeps its own by default. */
  readonly reading?: Reading
  readonly out: string
  /** `name=value`. */
  readonly set: readonly string[]
  readonly seed: number
  readonly mode: 'new' | 'resume' | 'replace'
  /** Continues a run whose base model or program has changed since its beginning. */
  readonly force?: boolean
  readonly dropLong: boolean
  readonly length?: number
  readonly saveEvery: number
  readonly bf16: boolean
  /** `auto` by default; a resumed run keeps its own. */
  readonly weights?: WeightFormat
  /** Refused entries and tensors of the model that the user allows, besides those of the resumed run. */
  readonly allow?: readonly string[]
}

export interface TrainResult extends TrainOutcome {
  readonly description: RunDescription
  /** What the batches of the first epoch hold. */
  readonly epoch: EpochCounts
  readonly written: readonly string[]
}

/** The requested program, recipe and settings. */
interface Asked extends LoadedProgram {
  readonly recipe: CoreRecipe
  readonly asked: Settings
  readonly modelProgram: string | undefined
}

/**
 * Refuses to resume a run with other settings than it began with: the command line may repeat settings, not
 * change them.
 */
const checkResumed = (
  { begun, settings }: { readonly begun: RunDescription; readonly settings: Settings },
  request: TrainRequest,
  asked: Settings,
  { traits: { precision }, memory }: Device,
): void => {
  const named = new Set(request.set.map(entry => entry.slice(0, entry.indexOf('='))))
  const changed = [...named].filter(name => asked.get(name) !== settings.get(name))
  const differs = [
    ...(begun.seed === request.seed ? [] : [`the seed was ${begun.seed}`]),
    ...(begun.base !== undefined || begun.model === resolve(request.model)
      ? []
      : [`the model was ${begun.model}`]),
    ...(request.weights === undefined || formatOf(begun) === request.weights
      ? []
      : [`the weights were ${formatOf(begun)}`]),
    ...(precisionOf(begun) === precision ? [] : [`the precision was ${precisionOf(begun)}`]),
    ...(memory === undefined || memory === begun.memory
      ? []
      : [`the memory was ${begun.memory === undefined ? 'not limited' : showBytes(begun.memory)}`]),
    ...(begun.data === resolve(request.data) ? [] : [`the data was ${begun.data}`]),
    ...readingDiffers(begun.reading ?? {}, request.reading ?? {}),
    ...changed.map(name => `${name} was ${settings.get(name)}`),
  ]
  if (differs.length === 0) return
  throw new UserError({
    what: 'the run cannot go on as asked',
    where: request.out,
    why: differs.join('; '),
    hint:
      'resume with what the run was started with, or begin a new one in another folder (or ' +
      'here with --force)',
  })
}

/**
 * The differences between a resumed run's first program and model and the present ones. Throws a `UserError`
 * with both values, unless that is forced.
 */
const checkUnchanged = (
  begun: RunDescription,
  { out, force = false }: TrainRequest,
  hash: string,
  base: ModelIdentity,
): readonly string[] => {
  const differs = [
    ...(begun.programHash === hash
      ? []
      : [`the program has changed since: it was ${shortHash(begun.programHash)}, and is ${shortHash(hash)}`]),
    ...(begun.base === undefined ? [] : identityDiffers(begun.base, base)),
  ]
  if (differs.length === 0 || force) return differs
  throw new UserError({
    what: 'the run cannot go on as asked',
    where: out,
    why: differs.join('; '),
    hint:
      'resume with what the run was started with, go on all the same by --resume --force, ' +
      'or begin a new one in another folder',
  })
}

/**
 * Runs one training from its files to its adapter: reads and checks program, model and data, trains, and
 * writes the best state. Rejects with `ProgramError`, `UserError` or `DeviceError`, and with the signal's
 * reason if it is aborted before its first step. Any number of runs may share a device, each with its own
 * folder.
 */
export const train = async (
  device: Device,
  request: TrainRequest,
  watcher: TrainWatcher,
  signal: AbortSignal,
): Promise<TrainResult> => {
  signal.throwIfAborted()
  const begun = request.mode === 'resume' ? await new RunFolder(request.out).descriptionIfAny() : undefined
  const chosen = request.program ?? begun?.modelProgram ?? (await chosenModelProgram(request))
  const loaded = loadProgram([request.file], { model: chosen })
  const modelProgram = typeof chosen === 'string' ? programName(chosen) : undefined
  const recipe = findRecipe(loaded.program, loaded.modules[0]!, request.recipe)
  const asked = settingsOf(loaded.program, recipe, request.set)
  for (const name of ['epochs', 'patience', 'batch', 'context']) countSetting(asked, name, 1)
  if (request.mode === 'resume' && !isBegun(request.out))
    throw new UserError({
      what: 'there is no run to go on with',
      where: request.out,
      why: 'there is no run.json in it',
      hint: 'check --out, or leave out --resume to begin a run',
    })
  const hold = await holdFolder(request.out)
  try {
    await sweepTemporary(request.out, join(request.out, adapterFiles.model))
    return await trainHeld(device, request, { ...loaded, recipe, asked, modelProgram }, { watcher, signal })
  } finally {
    await hold.release()
  }
}

/** {@link train} in a locked folder. */
const trainHeld = async (
  device: Device,
  request: TrainRequest,
  { program, hash, recipe, asked, modelProgram }: Asked,
  { watcher, signal }: { readonly watcher: TrainWatcher; readonly signal: AbortSignal },
): Promise<TrainResult> => {
  const folder = new RunFolder(request.out)
  if (request.mode === 'new') await folder.create('new')
  const begun = request.mode === 'resume' ? await folder.description() : undefined
  const settings: Settings =
    begun === undefined ? asked : new Map(Object.entries(begunSettings(begun.settings)))
  if (begun !== undefined) checkResumed({ begun, settings }, request, asked, device)
  const epochs = countSetting(settings, 'epochs', 1)
  const patience = countSetting(settings, 'patience', Number.POSITIVE_INFINITY)
  const model = await openModel(request.model, {
    weights: recipe.params.length > 0,
    tokenizer: true,
    format: begun === undefined ? request.weights : formatOf(begun),
    allow: [...(begun?.allow ?? []), ...(request.allow ?? [])],
  })
  try {
    const { constants } = modelFacts(program, [...recipe.params.map(p => p.type), stateType(recipe)], model)
    const base = await modelIdentityOf(model, constants)
    const changed = begun === undefined ? [] : checkUnchanged(begun, request, hash, base)
    if (changed.length > 0) watcher.forced?.(changed)
    const reading = begun?.reading ?? request.reading ?? {}
    const data = await openDataSet(model.tokenizer!, settings, {
      folder: openDataFolder(request.data, reading, await openChat(request.model)),
      seed: request.seed,
      dropLong: request.dropLong,
      length: request.length,
      context: model.context,
      pairs: pairsOf(recipe),
      newSha256: nodeSha256,
    })
    watcher.read?.(data)
    if (begun !== undefined && begun.sizes.T !== data.train.T)
      throw new UserError({
        what: 'the run cannot go on as asked',
        where: request.out,
        why: `its rows have ${begun.sizes.T} tokens, and those of the data have ${data.train.T}`,
        hint: 'give the --length and the --drop-long that the run was started with, and the data as it was',
      })
    if (begun !== undefined && begun.dataDigest !== data.digest)
      throw new UserError({
        what: 'the run cannot go on as asked',
        where: request.out,
        why: `the data in ${request.data} is not what the run was started with`,
        hint: 'put the data back as it was, or begin a new run',
      })
    if (request.mode === 'replace') await folder.clear()
    const epoch = data.train.counts(0)
    const describe = (trainable: number, { sizes, schedules, memory }: Session): RunDescription => ({
      format: 'jola-run-1',
      program: programName(request.file),
      ...(modelProgram === undefined ? {} : { modelProgram }),
      recipe: recipe.name,
      programHash: hash,
      model: resolve(request.model),
      base,
      weights: model.format,
      ...(model.allowed?.size ? { allow: [...model.allowed] } : {}),
      precision: device.traits.precision,
      schedules: Object.fromEntries(schedules),
      ...(device.memory === undefined ? {} : { memory: device.memory }),
      ...(memory === undefined ? {} : { budget: memory }),
      data: resolve(request.data),
      ...(Object.keys(reading).length === 0 ? {} : { reading }),
      dataDigest: data.digest,
      epoch,
      seed: request.seed,
      settings: Object.fromEntries(settings),
      sizes: Object.fromEntries(sizes),
      device: device.traits.name,
      trainable,
    })
    const outcome = await runTraining({
      subject: { device, program, recipe, model, settings },
      data,
      schedule: { epochs, patience, seed: request.seed },
      record: {
        store: folder,
        saveEvery: request.saveEvery,
        resume: request.mode === 'resume',
        describeAnew: changed.length > 0,
        describe,
      },
      compiling: {
        chooseSchedules: tuningFor,
        schedules:
          begun?.schedules && changed.length === 0 ? new Map(Object.entries(begun.schedules)) : undefined,
        memory: begun?.budget,
      },
      watcher,
      signal,
    })
    const description = await folder.description()
    const written =
      outcome.end === 'stopped'
        ? []
        : await exportState(
            folder,
            {
              recipe,
              run: description,
              learned: new Set(outcome.learned),
              state: await folder.loadBest(),
              best: outcome.best?.step,
            },
            { bf16: request.bf16, holds: modelFacts(program, [stateType(recipe)], model).holds },
          )
    return { ...outcome, description, epoch, written }
  } finally {
    await model.checkpoint?.close()
  }
}
