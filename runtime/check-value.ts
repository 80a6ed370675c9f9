/** A defect of a value in an artifact, with its place. */
export class ArtifactProblem extends Error {}

const shown = (value: unknown): string => {
  const text =
    typeof value === 'number' || value === undefined
      ? String(value)
      : (JSON.stringify(value) ?? String(value))
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}

/**
 * A value and its place, such as `steps[3].kernel`. Each method returns the value as the type it is named
 * for, or throws an {@link ArtifactProblem}.
 */
export interface Place {
  readonly value: unknown
  fail(problem: string): never
  /** A field of an object; `whole`, `text` and the rest refuse it where it is missing. */
  field(name: string): Place
  /** The field, undefined where it is missing. */
  optional(name: string): Place | undefined
  /** A field that is a list. */
  list(name: string): readonly Place[]
  optionalList(name: string): readonly Place[] | undefined
  /** A field that is a list of three whole numbers. */
  triple(name: string, least: number): void
  text(): string
  /** Finite. */
  number(): number
  whole(least?: number, most?: number): number
  oneOf<const T extends string>(words: readonly T[]): T
}

/** The outermost value, from which a check starts. */
export const check = (value: unknown, path = ''): Place => {
  const fail = (problem: string): never => {
    throw new ArtifactProblem(path === '' ? problem : `\`${path}\`: ${problem}`)
  }
  const be = (wanted: string): never => fail(`it must be ${wanted}, and is ${shown(value)}`)
  const field = (name: string): Place => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return be('an object')
    const inner: unknown = Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined
    return check(inner, path === '' ? name : `${path}.${name}`)
  }
  const optional = (name: string): Place | undefined => {
    const found = field(name)
    return found.value === undefined ? undefined : found
  }
  const items = (at: Place, name: string): readonly Place[] => {
    if (!Array.isArray(at.value)) return at.fail(`it must be a list, and is ${shown(at.value)}`)
    const inside = path === '' ? name : `${path}.${name}`
    return Array.from(at.value, (x: unknown, i) => check(x, `${inside}[${i}]`))
  }
  const list = (name: string): readonly Place[] => items(field(name), name)
  const number = (): number =>
    typeof value === 'number' && Number.isFinite(value) ? value : be('a finite number')
  return {
    value,
    fail,
    field,
    optional,
    list,
    optionalList: name => {
      const found = optional(name)
      return found && items(found, name)
    },
    triple: (name, least) => {
      const found = list(name)
      if (found.length !== 3) field(name).fail(`it must be three numbers, and has ${found.length}`)
      for (const n of found) n.whole(least)
    },
    text: () => (typeof value === 'string' ? value : be('a text')),
    number,
    whole: (least = 0, most = Number.MAX_SAFE_INTEGER) =>
      typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most
        ? value
        : be(`a whole number from ${least}${most === Number.MAX_SAFE_INTEGER ? ' on' : ` to ${most}`}`),
    oneOf: words => words.find(w => w === value) ?? be(words.map(w => JSON.stringify(w)).join(' or ')),
  }
}
