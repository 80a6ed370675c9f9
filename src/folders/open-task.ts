import { readdir, stat } from 'node:fs/promises'
import { basename, isAbsolute, join, resolve } from 'node:path'
import { nearest } from '../../compiler/names/suggest.js'
import { DataFolder } from '../data/data-folder.js'
import type { DataSource } from '../data/data-source.js'
import { UserError } from '../errors/user-error.js'
import { readJsonObject } from '../files/json-file.js'
import { stdlibFolder } from '../files/stdlib-folder.js'
import { scoringFor } from '../score/evaluate.js'
import { slug, type TaskDeclaration, tasksIn } from '../tasks/declaration.js'
import { listOpsSource } from '../tasks/listops.js'
import { filesIn, openDataFolder } from './open-data.js'

const taskFolder = join(stdlibFolder, 'tasks')

/** The tasks that come with Jola, in the order of their names. */
export const knownTasks = async (): Promise<readonly TaskDeclaration[]> => {
  const files = (await readdir(taskFolder)).filter(name => name.endsWith('.json')).sort()
  const all = await Promise.all(
    files.map(async file => tasksIn(join(taskFolder, file), await readJsonObject(join(taskFolder, file)))),
  )
  return all.flat()
}

const isFolder = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => undefined))?.isDirectory() === true

/** A data folder as a task: its examples as they stand, scored as they suggest. */
const folderTask = async (path: string): Promise<TaskDeclaration> => {
  const folder = openDataFolder(path)
  const part = (await folder.has('test')) ? 'test' : (await folder.has('valid')) ? 'valid' : 'train'
  const score = scoringFor(await folder.examples(part))
  return {
    name: slug(basename(resolve(path))) || 'task',
    title: 'the examples of a folder',
    source: resolve(path),
    folders: [resolve(path)],
    files: {},
    reading: {},
    score,
    metric: score === 'text' ? 'bleu' : 'accuracy',
  }
}

/**
 * The tasks that a name stands for: one that comes with Jola, all of a set (`mmlu-pro`) or of a family
 * (`commonsense`), those that a file declares, or a data folder. Throws a `UserError` for anything else.
 */
export const tasksNamed = async (name: string): Promise<readonly TaskDeclaration[]> => {
  if (name.endsWith('.json')) return tasksIn(name, await readJsonObject(name))
  if (await isFolder(name)) return [await folderTask(name)]
  const known = await knownTasks()
  const found = known.filter(t => t.name === name)
  if (found.length > 0) return found
  const set = known.filter(t => t.name.startsWith(`${name}/`) || t.family === name)
  if (set.length > 0) return set
  const names = [...new Set(known.flatMap(t => [t.name, t.name.split('/')[0]!, t.family ?? t.name]))]
  const meant = nearest(name, names)
  throw new UserError({
    what: `there is no task ${name}`,
    hint:
      meant === undefined
        ? '`jola task list` lists the tasks; a file that declares one ends with .json'
        : `did you mean ${meant}? \`jola task list\` lists all`,
    exitCode: 2,
  })
}

/** The files of a folder whose names begin with a prefix, without it; and files under names of their own. */
const renamedFiles = (source: DataSource, prefix: string, files: TaskDeclaration['files']): DataSource => {
  const own = new Map(
    Object.entries(files).map(([part, file]) => [`${part}${file.slice(file.indexOf('.'))}`, file]),
  )
  const original = (name: string): string => own.get(name) ?? prefix + name
  return {
    ...source,
    list: async () => {
      const all = new Set(await source.list())
      const given = [...own].filter(([, file]) => all.has(file)).map(([name]) => name)
      const taken = new Set(own.values())
      const rest = [...all].filter(name => name.startsWith(prefix) && !taken.has(name))
      return [...given, ...rest.map(name => name.slice(prefix.length)).filter(name => !own.has(name))]
    },
    pathOf: name => source.pathOf(original(name)),
  }
}

/** Where a task's files are below the user's data: a folder, or files that begin with the task's name. */
const sourceOf = async (task: TaskDeclaration, root: string): Promise<DataSource> => {
  for (const folder of task.folders) {
    const path = resolve(root, folder)
    if (await isFolder(path)) return renamedFiles(filesIn(path), '', task.files)
  }
  const source = filesIn(root)
  const all = await source.list()
  const prefix = task.folders.map(folder => `${folder}.`).find(p => all.some(name => name.startsWith(p)))
  if (prefix !== undefined) return renamedFiles(source, prefix, {})
  throw new UserError({
    what: `the data of the task ${task.name} is not there`,
    where: root,
    why:
      `none of the folders ${task.folders.join(', ')} is in it, and no file ` +
      `${task.folders[0]}.train.jsonl`,
    hint: `put its files into ${join(root, task.folders[0]!)}, decompressed`,
  })
}

/** The data of a task, below the user's folder of data. A task that is made needs none. */
export const openTask = async (task: TaskDeclaration, root: string | undefined): Promise<DataFolder> => {
  if (task.made !== undefined) return new DataFolder(listOpsSource(task.made), task.reading)
  if (root === undefined && !task.folders.some(isAbsolute))
    throw new UserError({
      what: '--data is missing',
      why: `the task ${task.name} reads files`,
      hint: `name the folder that holds ${task.folders[0]}`,
      exitCode: 2,
    })
  return new DataFolder(await sourceOf(task, root ?? '/'), task.reading)
}
