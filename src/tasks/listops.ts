import type { DataSource } from '../data/data-source.js'
import { random32 } from '../data/random.js'

/**
 * How ListOps (Nangia and Bowman 2018) is made: expressions such as `[MAX 2 [MIN 4 7 ] 0 ]`, of one digit.
 */
export interface ListOps {
  readonly by: 'listops'
  /** The most brackets inside one another. */
  readonly depth: number
  /** The most arguments of an operator; the least is 2. */
  readonly arguments: number
  /** Examples of each part. */
  readonly train: number
  readonly valid: number
  readonly test: number
  readonly seed: number
}

const operators: Readonly<Record<string, (values: readonly number[]) => number>> = {
  MIN: values => Math.min(...values),
  MAX: values => Math.max(...values),
  // The lower one of the two in the middle, where their number is even.
  MED: values => [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)]!,
  // The sum modulo ten.
  SM: values => values.reduce((sum, v) => sum + v, 0) % 10,
}

/** The probability that an argument is an expression again. */
const nesting = 0.3

/** The value of an expression as ListOps writes it. */
export const listOpsValue = (text: string): number => {
  const stack: { readonly operator: string; readonly values: number[] }[] = []
  for (const word of text.trim().split(/\s+/)) {
    if (word.startsWith('[')) stack.push({ operator: word.slice(1), values: [] })
    else if (word === ']') {
      const { operator, values } = stack.pop()!
      const value = operators[operator]!(values)
      if (stack.length === 0) return value
      stack.at(-1)!.values.push(value)
    } else stack.at(-1)!.values.push(Number(word))
  }
  return Number.NaN
}

const expression = (how: ListOps, next: () => number): string => {
  const names = Object.keys(operators)
  const write = (depth: number): string => {
    const operator = names[Math.floor(next() * names.length)]!
    const count = 2 + Math.floor(next() * (how.arguments - 1))
    const values = Array.from({ length: count }, () =>
      depth < how.depth && next() < nesting ? write(depth + 1) : String(Math.floor(next() * 10)),
    )
    return `[${operator} ${values.join(' ')} ]`
  }
  return write(1)
}

const parts = ['train', 'valid', 'test'] as const

/**
 * ListOps as a source of data files, made by a seed. No expression is in two parts. Fewer examples than asked
 * for are made where there are not as many expressions.
 */
export const listOpsSource = (how: ListOps): DataSource => {
  const files = new Map<string, string>()
  const make = (): void => {
    const used = new Set<string>()
    parts.forEach((part, stream) => {
      let counter = 0
      const next = (): number => random32(how.seed, stream, counter++) / 2 ** 32
      const lines: string[] = []
      for (let tried = 0; lines.length < how[part] && tried < 20 * how[part]; tried++) {
        const text = expression(how, next)
        if (used.has(text)) continue
        used.add(text)
        const options = Array.from({ length: 10 }, (_, digit) => String(digit))
        lines.push(JSON.stringify({ prompt: `${text} = `, answer: String(listOpsValue(text)), options }))
      }
      files.set(`${part}.jsonl`, lines.join('\n'))
    })
  }
  return {
    directory: 'listops (made)',
    list: async () => parts.map(part => `${part}.jsonl`),
    pathOf: name => name,
    text: async path => {
      if (files.size === 0) make()
      return files.get(path) ?? ''
    },
  }
}
