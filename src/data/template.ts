import { UserError } from '../errors/user-error.js'
import type { PromptTemplate } from './reading.js'
import { type DataRecord, placeOf } from './records.js'

const slots = /\{([A-Za-z_][A-Za-z0-9_]*)\}/g

/** The names of the fields that a template reads. */
export const fieldsOf = (template: PromptTemplate): readonly string[] => [
  ...new Set([...template.text.matchAll(slots)].map(([, name]) => name!)),
]

/** A field as text: the items of a list stand behind one another, with commas between them. */
const shown = (value: unknown, separator: string | undefined): string | undefined => {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (typeof value === 'string') return separator === undefined ? value : value.split(separator).join(', ')
  if (Array.isArray(value) && value.every(item => typeof item === 'string')) return value.join(', ')
  return undefined
}

/**
 * The record with a prompt in place of the fields that its template reads. Throws a `UserError` for a field
 * that is missing, or no text.
 */
export const withPrompt = (record: DataRecord, template: PromptTemplate): DataRecord => {
  const read = new Set(fieldsOf(template))
  const prompt = template.text.replace(slots, (_, name: string) => {
    const text = shown(record.value[name], template.lists?.[name])
    if (text !== undefined) return text
    throw new UserError({
      what: `the prompt needs the field '${name}'`,
      where: placeOf(record),
      why:
        record.value[name] === undefined
          ? `the entry has ${Object.keys(record.value).join(', ')}`
          : 'it is neither text nor a list of texts',
      hint: `the prompt is ${JSON.stringify(template.text)}`,
    })
  })
  const rest = Object.entries(record.value).filter(([name]) => !read.has(name))
  return { ...record, value: { ...Object.fromEntries(rest), [template.as]: prompt } }
}
