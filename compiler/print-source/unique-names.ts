import { printedBuiltins } from './write-expr.js'

const keywords = [
  'import',
  'size',
  'const',
  'record',
  'fn',
  'recipe',
  'let',
  'if',
  'then',
  'else',
  'for',
  'fold',
  'scan',
  'and',
  'or',
  'not',
  'true',
  'false',
  'idx',
  'sum',
  'mean',
  'prod',
  'max',
  'min',
  'argmax',
  'argmin',
  'any',
  'all',
  'as',
  'type',
  'setting',
  'state',
  'test',
  'expect',
  'within',
  'from',
  'is',
  'per',
  'with',
  'f32',
  'i32',
  'u32',
  'bool',
  'key',
  'grad',
  'value_and_grad',
]
/** The built-in functions that the printed text may call; other built-in names are free for definitions. */
const called = Object.values(printedBuiltins)
const reserved: ReadonlySet<string> = new Set([...keywords, ...called, 'inf', 'stop'])

/** The name a label suggests: `∂w.layers.wq` gives `d_wq`, `ties of top` gives `ties_of_top`. */
const nameOf = (label: string): string => {
  const derivative = label.startsWith('∂')
  const last = label.replaceAll('∂', '').split('.').at(-1)!
  const word = last.replace(/[^A-Za-z0-9_']+/g, '_').replace(/^_+|_+$|'(?!'*$)/g, '')
  const plain = /^[0-9]/.test(word) || word === '' ? `x${word}` : word
  // A capitalised name would be a size.
  const lower = plain[0]!.toLowerCase() + plain.slice(1)
  return derivative ? `d_${lower}` : lower
}

/** Gives out names, each once and none that means something already. */
export class UniqueNames {
  private readonly taken: Set<string>

  constructor(taken: Iterable<string> = []) {
    this.taken = new Set(taken)
  }

  isFree(name: string): boolean {
    return !this.taken.has(name) && !reserved.has(name)
  }

  take(label: string): string {
    const base = nameOf(label)
    let name = base
    for (let n = 2; !this.isFree(name); n++) name = `${base}${/\d$/.test(base) ? '_' : ''}${n}`
    this.taken.add(name)
    return name
  }

  /** A scope inside this one. */
  inner(): UniqueNames {
    return new UniqueNames(this.taken)
  }
}
