import { oddNames, type Random } from './random.js'

const oddBytes = [
  0, 1, 9, 10, 13, 0x1b, 0x22, 0x2c, 0x2d, 0x30, 0x5b, 0x5c, 0x5d, 0x7b, 0x7d, 0x7f, 0x80, 0xc3, 0xff,
]

/** Bytes with one to four changes: some flipped, cut out, doubled, put in, or the end cut off. */
export const mutateBytes = (bytes: Uint8Array, random: Random): Buffer => {
  let out = Buffer.from(bytes)
  for (let n = 1 + random.below(4); n > 0; n--) {
    const at = random.below(out.length + 1)
    const length = random.once(4) ? random.below(out.length + 1) : random.below(9)
    const [before, part, after] = [
      out.subarray(0, at),
      out.subarray(at, at + length),
      out.subarray(at + length),
    ]
    const put = Buffer.from(Array.from({ length: 1 + random.below(4) }, () => random.pick(oddBytes)))
    out = Buffer.concat(
      random.pick([
        [before, after],
        [before, part, part, after],
        [before, put, part, after],
        [before, put, after],
        [before, part.map(b => b ^ (1 << random.below(8))), after],
        [before, part],
      ]),
    )
  }
  return out
}

const oddNumbers = [
  ...[0, -0, -1, 1, 0.5, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 53), 1e9, 1e-300, 1e300],
]

const nested = (random: Random): unknown => {
  let value: unknown = 1
  for (let i = 0; i < 150; i++) value = random.once(2) ? [value] : { a: value }
  return value
}

const oddValue = (random: Random): unknown =>
  random.pick<() => unknown>([
    () => null,
    () => random.once(2),
    () => random.pick(oddNumbers),
    () => random.pick(oddNames),
    () => String(random.pick(oddNumbers)),
    () => [],
    () => ({}),
    () => [random.pick(oddNumbers), random.pick(oddNames)],
    () => Object.assign(Object.create(null), { [random.pick(oddNames)]: random.pick(oddNumbers) }),
    () => (random.once(8) ? nested(random) : 'a'.repeat(random.below(2000))),
  ])()

type Place = { readonly of: unknown[] | Record<string, unknown>; readonly key: string | number }

/** Where the values of a parsed JSON text stand, the text itself aside. */
const placesIn = (value: unknown): readonly Place[] => {
  if (typeof value !== 'object' || value === null) return []
  const of = value as unknown[] | Record<string, unknown>
  return Object.entries(value).flatMap(([name, inner]) => {
    const key = Array.isArray(of) ? Number(name) : name
    return [{ of, key }, ...placesIn(inner)]
  })
}

/** JSON as text, with every name that an object has: also `__proto__`, and one name twice if asked. */
const written = (value: unknown, twice: boolean): string => {
  const text = JSON.stringify(value)
  const name = twice ? /"(?:[^"\\]|\\.)*":/.exec(text)?.[0] : undefined
  return name === undefined ? text : text.replace(name, () => `${name}0,${name}`)
}

const change = (root: { value: unknown }, random: Random): void => {
  const places = [{ of: root as Record<string, unknown>, key: 'value' }, ...placesIn(root.value)]
  const { of, key } = random.pick(places) as { of: Record<string | number, unknown>; key: string | number }
  const other = random.pick(places) as { of: Record<string | number, unknown>; key: string | number }
  const put = (name: string, value: unknown): void =>
    void Object.defineProperty(of, name, { value, enumerable: true, configurable: true, writable: true })
  const kind = random.below(6)
  if (kind < 3) of[key] = oddValue(random)
  else if (kind === 3 && Array.isArray(of))
    of.splice(Number(key), random.below(3), ...(random.once(2) ? [of[key]] : []))
  else if (kind === 3) {
    const { [key]: value } = of
    if (of !== (root as unknown)) delete of[key]
    if (random.once(2) && of !== (root as unknown)) put(random.pick(oddNames), value)
  } else if (kind === 4) of[key] = structuredClone(other.of[other.key])
  else if (!Array.isArray(of) && of !== (root as unknown)) put(random.pick(oddNames), oddValue(random))
}

/**
 * JSON with one to three values changed, taken away, renamed, copied or added; now and then its bytes are
 * changed too.
 */
export const mutateJson = (text: string, random: Random): Buffer => {
  const root = { value: JSON.parse(text) as unknown }
  for (let n = 1 + random.below(3); n > 0; n--) change(root, random)
  const bytes = Buffer.from(written(root.value ?? null, random.once(30)))
  return random.once(10) ? mutateBytes(bytes, random) : bytes
}

const tokenPattern = /\s+|[A-Za-z_]\w*|[0-9][0-9.]*|"[^"\n]*"|->|==|<=|>=|!=|\/\/.*|./gsu
const extraTokens = [
  ...[
    'fn',
    'let',
    'for',
    'fold',
    'scan',
    'sum',
    'max',
    'argmax',
    'if',
    'then',
    'else',
    'record',
    'size',
    'import',
    'test',
    'recipe',
  ],
  ...[
    'f32',
    'i32',
    'bool',
    'idx',
    'key',
    'true',
    '-inf',
    '(',
    ')',
    '[',
    ']',
    '{',
    '}',
    '->',
    '=',
    ',',
    ':',
    '+',
    '^',
    '%',
    '\n',
  ],
  ...[
    '0',
    '1',
    '-1',
    '2147483648',
    '1e400',
    '0.0',
    '"x',
    '/// doc',
    'grad',
    'x',
    'N',
    ...oddNames.slice(0, 8),
  ],
]

/** A program with one to three tokens taken away, doubled, exchanged or replaced. */
export const mutateTokens = (text: string, random: Random): Buffer => {
  const tokens = text.match(tokenPattern) ?? []
  for (let n = 1 + random.below(3); n > 0; n--) {
    const [at, other] = [random.below(tokens.length), random.below(tokens.length)]
    const kind = random.below(5)
    if (kind === 0) tokens.splice(at, 1 + random.below(3))
    else if (kind === 1) tokens.splice(at, 0, ...tokens.slice(at, at + 1 + random.below(6)))
    else if (kind === 2) [tokens[at], tokens[other]] = [tokens[other]!, tokens[at]!]
    else if (kind === 3) tokens[at] = random.pick(extraTokens)
    else tokens[at] = tokens[other]!
  }
  return Buffer.from(tokens.join(''))
}
