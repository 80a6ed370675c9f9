import type { CoreRecipe } from '../../compiler/core/core.js'
import {
  type BatchStream,
  exampleBatches,
  longestAnswer,
  packedBatches,
  paddedLength,
} from '../data/batch.js'
import type { DataFolder } from '../data/data-folder.js'
import { missingPart, type Split } from '../data/split-files.js'
import { sidesOf, type TokenisedExample, tokeniseExamples } from '../data/tokenise.js'
import { UserError } from '../errors/user-error.js'
import type { NewSha256, Sha256 } from '../hash/sha256.js'
import { batchesSetting } from '../recipe/driver-settings.js'
import { wantsPairs } from '../recipe/recipe-parts.js'
import { countSetting, type Settings } from '../recipe/settings.js'
import type { Tokenizer } from '../text/tokenizer.js'
import { wrongAnswers } from './wrong-answers.js'

/** Remarks about a part of the data: examples that were left out, and unusual ones. */
export interface PartRemarks {
  /** Examples longer than the context that were left out on request. */
  readonly dropped: number
  /** Texts without any content. */
  readonly empty: number
  /**
   * Rows that begin with the same special token twice: once from the text or the template, once from the
   * tokenizer.
   */
  readonly doubledBos: number
}

/** A part of a data set as tokens, and the source of each row. */
export interface TokenisedPart {
  readonly remarks: PartRemarks
  /** Absent for running text, whose rows may cross its texts. */
  readonly examples?: readonly TokenisedExample[]
  /** Tokens of each text, if the part is running text. */
  readonly documents?: readonly (readonly number[])[]
}

/** Training and validation data as batches of one shape. */
export interface DataSet {
  readonly train: BatchStream
  readonly valid: BatchStream
  readonly parts: { readonly train: TokenisedPart; readonly valid: TokenisedPart }
  /** Validation examples that are training examples too. */
  readonly shared: number
  /** SHA-256 of the tokens, since files can change under the same name. */
  readonly digest: string
}

/** Options for making batches, besides the recipe's settings `batch`, `context` and `end_of_text`. */
export interface DataOptions {
  readonly folder: DataFolder
  readonly seed: number
  readonly dropLong: boolean
  /** The length of rows cut from running text. */
  readonly length: number | undefined
  /** The greatest number of tokens that the model reads. */
  readonly context: number
  /** The recipe that wants pairs, and which parts of the data it wants as pairs. */
  readonly pairs?: { readonly recipe: string; readonly parts: readonly Split[] } | undefined
  readonly newSha256: NewSha256
}

const digestOf = (parts: readonly (readonly (readonly number[])[])[], hash: Sha256): string => {
  for (const rows of parts) {
    for (const row of rows) hash.update(Int32Array.of(row.length)).update(Int32Array.from(row))
    hash.update('\n')
  }
  return hash.hex()
}

/** The number of rows that begin with the same special token twice. */
const doubled = (rows: readonly (readonly number[])[], tokenizer: Tokenizer): number =>
  rows.filter(
    ([first, second]) => first !== undefined && first === second && tokenizer.decode([first]) === '',
  ).length

/** The greatest number of tokens of a recipe's examples. */
export const contextOf = (settings: Settings, model: number): number =>
  Math.min(model, countSetting(settings, 'context', model))

/** Reads a part of the data for training. Throws a `UserError` if something is wrong with it. */
export const tokenisePart = async (
  tokenizer: Tokenizer,
  settings: Settings,
  {
    folder,
    seed,
    dropLong,
    context: model,
    pairs,
  }: Pick<DataOptions, 'folder' | 'seed' | 'dropLong' | 'context' | 'pairs'>,
  split: Split,
): Promise<TokenisedPart> => {
  const paired = pairs?.parts.includes(split) === true
  if (await folder.isText(split)) {
    if (paired)
      throw new UserError({
        what: `${pairs.recipe} learns from pairs of a right and a wrong answer, and the data is running text`,
        where: folder.directory,
        hint: 'give it examples: {"prompt": "…", "answer": "…", "wrong": "…"} a line',
      })
    const { texts, empty } = await folder.texts(split)
    const documents = texts.map(({ text }) => tokenizer.encode(text))
    return { documents, remarks: { dropped: 0, empty, doubledBos: doubled(documents, tokenizer) } }
  }
  const context = contextOf(settings, model)
  const { examples, dropped } = tokeniseExamples(tokenizer, await folder.examples(split), {
    context,
    contextIsSet: context < model,
    endOfText: settings.get('end_of_text') === true,
    tooLong: dropLong ? 'drop' : 'refuse',
    wrongAnswer: paired
      ? wrongAnswers(await folder.examples((await folder.has('train')) ? 'train' : split), {
          recipe: pairs.recipe,
          seed,
        })
      : undefined,
  })
  const doubledBos = doubled(
    examples.map(e => e.tokens),
    tokenizer,
  )
  return { examples, remarks: { dropped, empty: 0, doubledBos } }
}

/** The parts that training reads. */
type TrainingPart = 'train' | 'valid'

/** How the parts of a data folder become batches. */
export interface BatchingOptions extends Pick<DataOptions, 'seed' | 'length' | 'context'> {
  readonly tokenizer: Tokenizer
  /** The folder, for errors. */
  readonly where: string
}

/**
 * Those parts of a data folder that there are as batches of one shape: training's are shuffled. Throws a
 * `UserError` if they can not have one shape.
 */
export const batchesOfParts = <P extends Readonly<Partial<Record<TrainingPart, TokenisedPart>>>>(
  parts: P,
  settings: Settings,
  { tokenizer, where, seed, length: given, context: model }: BatchingOptions,
): Readonly<Record<keyof P, BatchStream>> => {
  const batchSize = countSetting(settings, 'batch', 8)
  const context = contextOf(settings, model)
  const all: readonly (readonly [string, TokenisedPart])[] = Object.entries(parts)
  const seedOf = (name: string): number | undefined => (name === 'train' ? seed : undefined)
  const streams = (of: (part: TokenisedPart, shuffleSeed: number | undefined) => BatchStream) =>
    Object.fromEntries(all.map(([name, part]) => [name, of(part, seedOf(name))])) as Record<
      keyof P,
      BatchStream
    >
  const texts = all.filter(([, part]) => part.documents !== undefined)
  if (texts.length > 0 && texts.length < all.length)
    throw new UserError({
      what: `the part ${texts[0]![0]} is running text, and another part has examples`,
      where,
      hint: 'give both parts in one form',
    })
  if (texts.length > 0) {
    const { eos } = tokenizer
    if (eos === undefined)
      throw new UserError({
        what: 'the tokenizer has no end-of-text token',
        where,
        hint: 'name one as eos_token in tokenizer_config.json',
      })
    const length = Math.min(given ?? context, context)
    return streams((part, shuffleSeed) =>
      packedBatches(part.documents!, eos, { batchSize, length, shuffleSeed }),
    )
  }
  const examples = all.flatMap(([, part]) => part.examples!)
  const length = paddedLength(examples, context)
  const answer = longestAnswer(examples)
  const batches = batchesSetting(settings)
  return streams((part, shuffleSeed) =>
    exampleBatches(part.examples!, { batchSize, length, answer, batches, shuffleSeed }),
  )
}

/**
 * Opens the `train` and `valid` parts of a data folder. Throws a `UserError` if something is wrong with them.
 */
export const openDataSet = async (
  tokenizer: Tokenizer,
  settings: Settings,
  options: DataOptions,
): Promise<DataSet> => {
  const { folder, newSha256 } = options
  for (const split of ['train', 'valid'] as const)
    if (!(await folder.has(split))) throw await missingPart(folder.source, split)
  const parts = {
    train: await tokenisePart(tokenizer, settings, options, 'train'),
    valid: await tokenisePart(tokenizer, settings, options, 'valid'),
  }
  const streams = batchesOfParts(parts, settings, { ...options, tokenizer, where: folder.directory })
  const [train, valid] = [parts.train.examples ?? [], parts.valid.examples ?? []]
  const known = new Set(train.map(e => e.tokens.join()))
  const rowsOf = ({ documents, examples = [] }: TokenisedPart): readonly (readonly number[])[] =>
    documents ?? examples.flatMap(sidesOf).map(e => [e.answerStart, ...e.tokens])
  return {
    parts,
    ...streams,
    shared: valid.filter(e => known.has(e.tokens.join())).length,
    digest: digestOf([rowsOf(parts.train), rowsOf(parts.valid)], newSha256()),
  }
}

/** The parts of which a recipe wants pairs: those that its `step` and its `validate` are given. */
export const pairsOf = (recipe: CoreRecipe): DataOptions['pairs'] => {
  const parts = [
    ...(wantsPairs(recipe, 'step') ? (['train'] as const) : []),
    ...(wantsPairs(recipe, 'validate') ? (['valid'] as const) : []),
  ]
  return parts.length === 0 ? undefined : { recipe: recipe.name, parts }
}
