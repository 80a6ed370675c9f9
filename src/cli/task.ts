import { existsSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import type { Command } from 'commander'
import { UserError } from '../errors/user-error.js'
import { writeAtomic } from '../files/atomic.js'
import { fileError } from '../files/file-error.js'
import { makeFolder } from '../files/make-folder.js'
import { knownTasks, openTask, tasksNamed } from '../folders/open-task.js'
import type { TaskDeclaration } from '../tasks/declaration.js'
import { asLines, drawExamples } from '../tasks/draw.js'
import { count, examples, paint, positiveInteger, print, printJson, seedNumber } from './shared.js'

interface DrawOptions {
  readonly data?: string
  readonly out: string
  readonly trainSize: number
  readonly validSize: number
  readonly testSize?: number
  readonly seed: number
}

const list = async (o: { readonly json?: true }): Promise<void> => {
  const tasks = await knownTasks()
  if (o.json) return printJson(tasks)
  const width = Math.max(...tasks.map(t => t.name.length))
  for (const family of [...new Set(tasks.map(t => t.family))].sort((a, b) => +!a - +!b)) {
    print(paint('bold', family ?? 'others'))
    for (const task of tasks.filter(t => t.family === family))
      print(`  ${task.name.padEnd(width)}  ${task.title}`)
  }
}

/** The declaration of a task, without what it leaves open. */
const declared = ({ reading, folders, files, ...task }: TaskDeclaration): object => ({
  ...task,
  ...(folders.length === 0 ? {} : { folders }),
  ...(Object.keys(files).length === 0 ? {} : { files }),
  ...reading,
})

const show = async (
  name: string,
  o: { readonly data?: string; readonly examples: number },
): Promise<void> => {
  for (const task of await tasksNamed(name)) {
    printJson(declared(task))
    if (o.data === undefined && task.made === undefined && !task.folders.some(isAbsolute)) continue
    const folder = await openTask(task, o.data)
    for (const part of ['train', 'valid', 'test'] as const) {
      if (!(await folder.has(part))) continue
      const all = await folder.examples(part)
      print(`\n${paint('bold', part)}: ${count(all.length, 'example')}`)
      for (const { prompt, answer, options } of all.slice(0, o.examples))
        print(
          `${prompt}${paint('green', answer)}\n` +
            `${options === undefined ? '' : paint('dim', `one of ${options.join(', ')}\n`)}`,
        )
    }
  }
}

const draw = async (name: string, o: DrawOptions): Promise<void> => {
  const tasks = await tasksNamed(name)
  for (const task of tasks) {
    const folder = tasks.length === 1 ? o.out : join(o.out, task.name)
    const parts = await drawExamples(task, await openTask(task, o.data), {
      train: o.trainSize,
      valid: o.validSize,
      test: o.testSize,
      seed: o.seed,
    })
    if (existsSync(join(folder, 'train.jsonl')))
      throw new UserError({
        what: 'the folder already holds data',
        where: folder,
        hint: 'choose another --out',
      })
    await makeFolder(folder).catch((error: unknown) => {
      throw fileError('make the folder', folder, error)
    })
    for (const part of ['train', 'valid', 'test'] as const)
      await writeAtomic(join(folder, `${part}.jsonl`), [asLines(parts[part])])
    const { train, valid, test } = parts
    print(`wrote ${folder}: ${train.length} to train, ${valid.length} to validate, ${test.length} to test`)
  }
}

/** Adds `jola task`. */
export const registerTaskCommand = (program: Command): void => {
  const task = program
    .command('task')
    .addHelpText('after', examples(['task list', 'task show boolq --data DATA']))
  task
    .command('list')
    .description('list the tasks that come with Jola')
    .option('--json', 'print their declarations as JSON')
    .action(list)
  task
    .command('show')
    .description('print a task, and examples of it')
    .argument('<task>', 'a task, a set such as mmlu-pro, a family such as commonsense, or a .json file')
    .option('--data <dir>', 'the folder that holds the data of tasks')
    .option('--examples <n>', 'examples of each part', positiveInteger, 2)
    .action(show)
  task
    .command('draw')
    .description('write a data folder with examples of a task, for `jola train`')
    .argument('<task>', 'a task, a set, a family, or a .json file')
    .option('--data <dir>', 'the folder that holds the data of tasks')
    .requiredOption('--out <dir>', 'the folder to write')
    .option('--train-size <n>', 'training examples', positiveInteger, 200)
    .option('--valid-size <n>', 'validation examples', positiveInteger, 200)
    .option('--test-size <n>', 'the most test examples, the same for all seeds', positiveInteger)
    .option('--seed <n>', 'the seed of the draw', seedNumber, 0)
    .addHelpText(
      'after',
      examples(['task draw trec --data DATA --out trec-200', 'task draw listops --out listops --seed 1']),
    )
    .action(draw)
}
