import { UserError } from '../errors/user-error.js'
import { fileError } from '../files/file-error.js'
import { byteLimits, readTextFile } from '../files/text-file.js'
import { isJsonObject, type JsonObject } from '../json/json-values.js'
import type { RowEdit } from '../predict/edit-slots.js'

/** A prompt of a file, and the adapter that edits its row: `null` for none, `undefined` for the usual one. */
export interface FilePrompt {
  readonly prompt: string
  readonly adapter?: string | null | undefined
  readonly strength?: number | undefined
}

const readInput = async (): Promise<string> => {
  const parts: Buffer[] = []
  for await (const part of process.stdin) parts.push(part as Buffer)
  return Buffer.concat(parts).toString('utf8')
}

const readPrompts = (file: string): Promise<string> =>
  readTextFile(file, { most: byteLimits.data }).catch((error: unknown) => {
    throw fileError('read the prompts', file, error)
  })

const objectOf = (line: string): JsonObject | undefined => {
  if (!line.trimStart().startsWith('{')) return undefined
  try {
    const value: unknown = JSON.parse(line)
    return isJsonObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

const promptOf = (line: string, where: string): FilePrompt => {
  const refuse = (why: string): never => {
    throw new UserError({
      what: 'the line is no prompt',
      where,
      why,
      hint: 'write {"prompt": "…", "adapter": "runs/first", "strength": 0.5}; the last two may be left out',
    })
  }
  const found = objectOf(line)
  if (found === undefined) return refuse('the first line is a JSON object, and this one is not')
  const { prompt, adapter, strength, ...others } = found
  const [other] = Object.keys(others)
  if (other !== undefined) return refuse(`it has an entry "${other}", which nothing reads`)
  if (typeof prompt !== 'string') return refuse('its "prompt" is no text')
  if (adapter !== undefined && adapter !== null && typeof adapter !== 'string')
    return refuse('its "adapter" is neither a text nor null')
  if (strength !== undefined && !(typeof strength === 'number' && Number.isFinite(strength)))
    return refuse('its "strength" is no number')
  return { prompt, adapter, strength: strength as number | undefined }
}

/**
 * The prompts of a file, or of the standard input for `-`: a text a line, or a JSON object a line where the
 * first line is one with a `prompt`. Empty lines are skipped.
 */
export const readFilePrompts = async (file: string): Promise<readonly FilePrompt[]> => {
  const text = file === '-' ? await readInput() : await readPrompts(file)
  const lines = text
    .split(/\r?\n/)
    .flatMap((line, i) => (line.trim() === '' ? [] : [{ line, number: i + 1 }]))
  if (lines.length === 0) throw new UserError({ what: 'there are no prompts', where: file })
  const first = objectOf(lines[0]!.line)
  if (first === undefined || !('prompt' in first)) return lines.map(({ line }) => ({ prompt: line }))
  return lines.map(({ line, number }) => promptOf(line, `${file}:${number}`))
}

/** The edit of each prompt's row; undefined where no prompt has one of its own. */
export const editsOf = (
  prompts: readonly FilePrompt[],
  usual: string | undefined,
): readonly RowEdit[] | undefined => {
  if (prompts.every(p => p.adapter === undefined && p.strength === undefined)) return undefined
  return prompts.map(({ prompt, adapter, strength }) => {
    const chosen = adapter === null ? undefined : (adapter ?? usual)
    if (chosen === undefined && strength !== undefined)
      throw new UserError({
        what: 'a strength is given without an adapter',
        where: `the prompt ${JSON.stringify(prompt)}`,
        hint: 'name the adapter beside it, or a run for all prompts',
      })
    return { adapter: chosen, strength }
  })
}
