/**
 * The size of an axis. Sizes are polynomials over names with integer coefficients, kept in normal form: a map
 * from monomial to coefficient. A monomial is its sorted factors joined by `*` (`G*K`, `K*K`), the empty
 * string for the constant term.
 */
export interface Size {
  readonly terms: ReadonlyMap<string, number>
}

/** How large the normal form of a size may be. Sizes that describe tensors stay far below. */
export const sizeLimits = { terms: 64, degree: 24, coefficient: Number.MAX_SAFE_INTEGER } as const

/**
 * The size whose normal form passes {@link sizeLimits}: all arithmetic with it gives it again, so that work
 * on it stays bounded until the checker reports it. No program can write its name.
 */
export const tooLargeSize: Size = { terms: new Map([['?too large', 1]]) }
export const isTooLarge = (a: Size): boolean => a.terms.has('?too large')

const normal = (terms: Iterable<readonly [string, number]>): Size => {
  const sums = new Map<string, number>()
  for (const [monomial, coefficient] of terms) sums.set(monomial, (sums.get(monomial) ?? 0) + coefficient)
  const kept = [...sums].filter(([, c]) => c !== 0)
  const passes =
    kept.length > sizeLimits.terms ||
    kept.some(
      ([m, c]) =>
        m.startsWith('?too large') ||
        Math.abs(c) > sizeLimits.coefficient ||
        factorsOf(m).length > sizeLimits.degree,
    )
  if (passes) return tooLargeSize
  return { terms: new Map(kept.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))) }
}

const factorsOf = (monomial: string): string[] => (monomial === '' ? [] : monomial.split('*'))
const monomialOf = (factors: readonly string[]): string => [...factors].sort().join('*')

export const sizeConstant = (value: number): Size => normal([['', value]])
export const sizeName = (text: string): Size => normal([[text, 1]])
export const addSizes = (a: Size, b: Size): Size =>
  isTooLarge(a) || isTooLarge(b) ? tooLargeSize : normal([...a.terms, ...b.terms])
export const scaleSize = (a: Size, by: number): Size =>
  normal([...a.terms].map(([m, c]) => [m, c * by] as const))
export const subtractSizes = (a: Size, b: Size): Size => addSizes(a, scaleSize(b, -1))
export const multiplySizes = (a: Size, b: Size): Size =>
  isTooLarge(a) || isTooLarge(b)
    ? tooLargeSize
    : normal(
        [...a.terms].flatMap(([m, c]) =>
          [...b.terms].map(([n, d]) => [monomialOf([...factorsOf(m), ...factorsOf(n)]), c * d] as const),
        ),
      )
export const productOfSizes = (parts: readonly Size[]): Size => parts.reduce(multiplySizes, sizeConstant(1))
export const sameSize = (a: Size, b: Size): boolean =>
  a === b || (a.terms.size === b.terms.size && [...a.terms].every(([m, c]) => b.terms.get(m) === c))

/** The names that occur, sorted. */
export const sizeNamesIn = (a: Size): readonly string[] =>
  [...new Set([...a.terms.keys()].flatMap(factorsOf))].sort()

/** The value of a polynomial without names. */
export const asConstantSize = (a: Size): number | undefined => {
  if (a.terms.size === 0) return 0
  return a.terms.size === 1 && a.terms.has('') ? a.terms.get('') : undefined
}

/** Each name replaced by what `of` gives for it; names it leaves undefined stay. */
export const substituteSizes = (a: Size, of: (name: string) => Size | undefined): Size => {
  const found = new Map<string, Size>()
  for (const m of a.terms.keys())
    for (const f of factorsOf(m)) {
      const value = found.has(f) ? undefined : of(f)
      if (value !== undefined) found.set(f, value)
    }
  // Most sizes are a number or a name.
  if (found.size === 0) return a
  const [only] = a.terms
  if (a.terms.size === 1 && only![1] === 1 && found.has(only![0])) return found.get(only![0])!
  return [...a.terms]
    .map(([m, c]) => scaleSize(productOfSizes(factorsOf(m).map(f => found.get(f) ?? sizeName(f))), c))
    .reduce(addSizes, sizeConstant(0))
}

/**
 * The value under an assignment of numbers; throws when a name is missing, which is the compiler's own
 * mistake.
 */
export const evaluateSize = (a: Size, of: ReadonlyMap<string, number>): number => {
  let sum = 0
  for (const [m, c] of a.terms) {
    let term = c
    for (const f of factorsOf(m)) {
      const value = of.get(f)
      if (value === undefined) throw new Error(`size ${f} has no value`)
      term *= value
    }
    sum += term
  }
  return sum
}

/** Graded lexicographic order, in which exact division works by leading monomials. */
const leading = (a: Size): readonly [string, number] | undefined =>
  [...a.terms].sort(
    ([m], [n]) => factorsOf(n).length - factorsOf(m).length || (m < n ? -1 : m > n ? 1 : 0),
  )[0]

const divideMonomial = (a: string, b: string): string | undefined => {
  const rest = factorsOf(a)
  for (const f of factorsOf(b)) {
    const i = rest.indexOf(f)
    if (i < 0) return undefined
    rest.splice(i, 1)
  }
  return monomialOf(rest)
}

/** `a / b` when the division leaves nothing over. */
export const divideSizes = (a: Size, b: Size): Size | undefined => {
  const divisor = leading(b)
  if (divisor === undefined) return undefined
  const quotient: [string, number][] = []
  let rest = a
  for (let head = leading(rest); head !== undefined; head = leading(rest)) {
    const monomial = divideMonomial(head[0], divisor[0])
    if (monomial === undefined || head[1] % divisor[1] !== 0) return undefined
    const term = normal([[monomial, head[1] / divisor[1]]])
    quotient.push(...term.terms)
    rest = subtractSizes(rest, multiplySizes(term, b))
  }
  return normal(quotient)
}

/** `a` as `coefficient * name + rest`, unless the name occurs in a higher power. */
export const linearSizeIn = (a: Size, text: string): { coefficient: Size; rest: Size } | undefined => {
  const coefficient: [string, number][] = []
  const rest: [string, number][] = []
  for (const [m, c] of a.terms) {
    const factors = factorsOf(m)
    const i = factors.indexOf(text)
    if (i < 0) rest.push([m, c])
    else if (factors.indexOf(text, i + 1) >= 0) return undefined
    else coefficient.push([monomialOf(factors.filter((_, k) => k !== i)), c])
  }
  return { coefficient: normal(coefficient), rest: normal(rest) }
}

/** Whether the value is at least 0 whatever natural numbers the names stand for, as its normal form shows. */
export const isNaturalSize = (a: Size): boolean => [...a.terms.values()].every(c => c >= 0)

/** `a` as the difference of two sizes whose normal forms have no minus: `M - 3` is `M` less `3`. */
export const splitBySign = (a: Size): { readonly more: Size; readonly less: Size } => ({
  more: normal([...a.terms].filter(([, c]) => c > 0)),
  less: normal([...a.terms].filter(([, c]) => c < 0).map(([m, c]) => [m, -c] as const)),
})

/** Whether the value is at least 1 whatever natural numbers the names stand for. */
export const isPositiveSize = (a: Size): boolean =>
  (a.terms.get('') ?? 0) >= 1 && [...a.terms.values()].every(c => c >= 0)

/** As written in source: `K * G`, `2 * R`, `T + 1`. */
export const sizeText = (a: Size): string => {
  if (a.terms.size === 0) return '0'
  const ordered = [...a.terms].sort(([m], [n]) => factorsOf(n).length - factorsOf(m).length)
  return ordered
    .map(([m, c], i) => {
      const size = Math.abs(c)
      const body =
        m === '' ? `${size}` : size === 1 ? factorsOf(m).join(' * ') : `${size} * ${factorsOf(m).join(' * ')}`
      return i === 0 ? (c < 0 ? `-${body}` : body) : c < 0 ? ` - ${body}` : ` + ${body}`
    })
    .join('')
}
