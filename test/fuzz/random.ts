/** Numbers drawn from a seed: the same seed gives the same ones. */
export interface Random {
  /** A whole number from 0 to below `n`. */
  below(n: number): number
  /** One of some things. */
  pick<T>(of: readonly T[]): T
  /** Whether something happens that does one time in `n`. */
  once(n: number): boolean
}

/** Draws by mulberry32 (Tommy Ettinger), from a text as its seed. */
export const randomOf = (seed: string): Random => {
  let state = 0x811c9dc5
  for (const c of seed) state = Math.imul(state ^ c.charCodeAt(0), 0x01000193)
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (n: number): number => Math.floor(next() * n)
  return { below, pick: of => of[below(of.length)]!, once: n => below(n) === 0 }
}

/** Names that mean something to an object of JavaScript, and some that break lines, terminals or paths. */
export const oddNames: readonly string[] = [
  ...['__proto__', 'constructor', 'toString', 'valueOf', 'hasOwnProperty', 'prototype', 'length', 'then'],
  ...[
    '',
    '0',
    '-1',
    '4294967295',
    'a\nb',
    '\u001b[2J',
    '\u202e',
    '\u0000',
    '../x',
    '/',
    'é',
    '\ud800',
    'NaN',
  ],
]
