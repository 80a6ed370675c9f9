import type { DataFolder } from '../data/data-folder.js'
import type { Example } from '../data/examples.js'
import { permutation } from '../data/random.js'
import { UserError } from '../errors/user-error.js'
import { withReferences } from '../score/evaluate.js'
import type { TaskDeclaration } from './declaration.js'

/** How many examples are drawn, and by which seed. */
export interface Draw {
  readonly train: number
  readonly valid: number
  /** The most test examples; all by default. They are the same for all seeds. */
  readonly test?: number | undefined
  readonly seed: number
}

/** The examples of one draw. */
export interface DrawnExamples {
  readonly train: readonly Example[]
  readonly valid: readonly Example[]
  readonly test: readonly Example[]
}

/**
 * The examples that training, validation and test draw from. Without `valid`, training's pool serves both.
 */
interface Pools {
  readonly train: readonly Example[]
  readonly valid?: readonly Example[]
  readonly test: readonly Example[]
}

/** Two halves of a file, always the same. */
const halves = (examples: readonly Example[]): Pools => {
  const order = [...permutation(0, 0, examples.length)].map(i => examples[i]!)
  const middle = Math.floor(order.length / 2)
  return { train: order.slice(0, middle), test: order.slice(middle) }
}

/**
 * The pools of a data folder. Without a test file the validation file is tested on, and validation examples
 * come from the training file. A folder of one file is cut into two halves, one to train and one to test.
 */
const poolsOf = async (folder: DataFolder): Promise<Pools> => {
  const has = {
    train: await folder.has('train'),
    valid: await folder.has('valid'),
    test: await folder.has('test'),
  }
  const read = (part: 'train' | 'valid' | 'test') => folder.examples(part)
  if (has.train && has.valid && has.test)
    return { train: await read('train'), valid: await read('valid'), test: await read('test') }
  if (has.train && has.test) return { train: await read('train'), test: await read('test') }
  if (has.train && has.valid) return { train: await read('train'), test: await read('valid') }
  if (has.valid && has.test) return { train: await read('valid'), test: await read('test') }
  const only = (['train', 'valid', 'test'] as const).find(part => has[part])
  return halves(await read(only ?? 'train'))
}

const tooFew = (task: TaskDeclaration, folder: DataFolder, has: number, wanted: string): UserError =>
  new UserError({
    what: `the task ${task.name} has too few examples`,
    where: folder.directory,
    why: `${wanted} are asked for, and there are ${has} to draw from`,
    hint: 'ask for fewer by --train-size and --valid-size, or bring more data',
  })

/**
 * Draws examples of a task. The draw depends on the seed alone: a smaller number of training examples is a
 * part of a larger one, and the validation examples do not change with it. Throws a `UserError` if there are
 * too few.
 */
export const drawExamples = async (
  task: TaskDeclaration,
  folder: DataFolder,
  { train, valid, test, seed }: Draw,
): Promise<DrawnExamples> => {
  const pools = await poolsOf(folder)
  const order = permutation(seed, 0, pools.train.length)
  const needed = pools.valid === undefined ? train + valid : train
  if (needed > order.length)
    throw tooFew(
      task,
      folder,
      order.length,
      `${train} to train on${pools.valid ? '' : ` and ${valid} to validate on`}`,
    )
  const validPool = pools.valid ?? pools.train
  if (valid > validPool.length) throw tooFew(task, folder, validPool.length, `${valid} to validate on`)
  const validOrder = pools.valid === undefined ? order : permutation(seed, 1, validPool.length)
  const whole = task.score === 'text' ? withReferences(pools.test) : pools.test
  const chosen = [...permutation(0, 1, whole.length)].slice(0, test ?? whole.length).sort((a, b) => a - b)
  return {
    train: [...order.slice(0, train)].map(i => pools.train[i]!),
    // From the end, so that more training examples leave them as they are.
    valid: [...validOrder.slice(validOrder.length - valid)].map(i => validPool[i]!),
    test: chosen.map(i => whole[i]!),
  }
}

/** Examples as JSON Lines that `jola train` and `jola eval` read: prompts stand as they are. */
export const asLines = (examples: readonly Example[]): string =>
  examples
    .map(({ prompt, answer, references, options, wrong }) =>
      JSON.stringify({
        prompt,
        ...(references === undefined ? { answer } : { answers: references }),
        ...(options === undefined ? {} : { options }),
        ...(wrong === undefined ? {} : { wrong }),
      }),
    )
    .map(line => `${line}\n`)
    .join('')
