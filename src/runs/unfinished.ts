import { existsSync } from 'node:fs'
import { UserError } from '../errors/user-error.js'
import { adapterFiles, isAdapted, RunFolder, runsAt } from './run-folder.js'

/** The progress of an unfinished run, in words; `undefined` for a finished one. */
export const unfinishedAt = async (path: string): Promise<string | undefined> => {
  const folder = new RunFolder(path)
  if (isAdapted(path)) return undefined
  const position = await folder.position()
  if (position?.done === true && existsSync(folder.file(adapterFiles.model))) return undefined
  const { step = 0, steps } = position ?? {}
  return `the run is not finished: ${step}${steps === undefined ? '' : ` of ${steps}`} steps`
}

/** Refuses a run without an adapter: it is not finished, or it trained a complete model. */
export const checkAdapted = async (path: string): Promise<void> => {
  if (isAdapted(path)) return
  const folder = new RunFolder(path)
  const [seed] = await runsAt(path)
  if (seed !== path)
    throw new UserError({
      what: 'the folder holds a run of each of several seeds, and one is needed',
      where: path,
      hint: `name one of them: ${seed}`,
    })
  if ((await folder.descriptionIfAny()) === undefined)
    throw new UserError({
      what: 'this is not the folder of a run',
      where: path,
      why: 'there is neither a run.json nor an adapter_config.json in it',
      hint: 'name what was given to `jola train --out`; a model goes to --model',
    })
  const unfinished = await unfinishedAt(path)
  if (unfinished !== undefined)
    throw new UserError({
      what: unfinished,
      where: path,
      hint: 'add --resume to its `jola train …` to go on with it',
    })
  throw new UserError({
    what: 'the run trained a model of its own, and no adapter',
    where: path,
    hint: `open the model by --model ${folder.file(adapterFiles.model)}`,
  })
}
