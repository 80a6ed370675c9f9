/** The text is not JSON, or exceeds a limit. The message has the reason, the line and the column. */
export class JsonError extends Error {}

/** Limits of the JSON that is read. */
export interface JsonLimits {
  /** Arrays and objects inside each other. 128, as serde_json has it, unless given. */
  readonly depth?: number
  /** Texts, numbers, words, arrays and objects in all. 4 million unless given. */
  readonly values?: number
}

/** How JSON is read. */
export interface JsonReading extends JsonLimits {
  /** What a number becomes, by its text; its value unless given. */
  readonly numberOf?: (text: string) => unknown
}

const code = (character: string): number => character.charCodeAt(0)
const quote = code('"')
const backslash = code('\\')
const numberPattern = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
const words: readonly (readonly [string, unknown])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
]

class JsonReader {
  #at = 0
  #values = 0
  readonly #depth: number
  readonly #most: number
  readonly #numberOf: JsonReading['numberOf']

  constructor(
    private readonly text: string,
    { depth = 128, values = 4_000_000, numberOf }: JsonReading,
  ) {
    this.#numberOf = numberOf
    this.#depth = depth
    this.#most = values
  }

  whole(): unknown {
    const value = this.#value(0)
    this.#blanks()
    if (this.#at < this.text.length) this.#refuse('there is text after the value')
    return value
  }

  #refuse(why: string, at = this.#at): never {
    const before = this.text.slice(0, at)
    const line = before.split('\n').length
    throw new JsonError(`line ${line}, column ${at - before.lastIndexOf('\n')}: ${why}`)
  }

  #blanks(): void {
    for (;;) {
      const c = this.text.charCodeAt(this.#at)
      if (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09) return
      this.#at++
    }
  }

  #value(depth: number): unknown {
    this.#blanks()
    if (++this.#values > this.#most) this.#refuse(`there are more than ${this.#most} values`)
    const c = this.text[this.#at]
    if (c === '"') return this.#string()
    if (c === '{' || c === '[') {
      if (depth === this.#depth) this.#refuse(`it is nested more than ${this.#depth} deep`)
      this.#at++
      return c === '{' ? this.#object(depth + 1) : this.#array(depth + 1)
    }
    for (const [word, value] of words) {
      if (!this.text.startsWith(word, this.#at)) continue
      this.#at += word.length
      return value
    }
    return this.#number()
  }

  #number(): unknown {
    numberPattern.lastIndex = this.#at
    const digits = numberPattern.exec(this.text)?.[0]
    if (digits === undefined)
      this.#refuse(this.#at < this.text.length ? 'a value is missing' : 'it ends early')
    const value = Number(digits)
    if (!Number.isFinite(value)) this.#refuse('the number is too large')
    this.#at += digits.length
    return this.#numberOf === undefined ? value : this.#numberOf(digits)
  }

  /** The text between quotes, from the opening one on. */
  #string(): string {
    const start = this.#at + 1
    let escaped = false
    for (let at = start; ; at++) {
      const c = this.text.charCodeAt(at)
      if (c === quote) {
        this.#at = at + 1
        return escaped ? this.#unescaped(start - 1, at + 1) : this.text.slice(start, at)
      }
      if (c === backslash) {
        escaped = true
        at++
      } else if (c < 0x20) this.#refuse('a control character stands in a text; write it as \\u00XX', at)
      // Past the end of the text there is no number.
      else if (Number.isNaN(c)) this.#refuse('the text that begins here has no end', start - 1)
    }
  }

  #unescaped(start: number, end: number): string {
    try {
      return JSON.parse(this.text.slice(start, end))
    } catch {
      return this.#refuse('an escape in this text is not one of JSON', start)
    }
  }

  /** Whether another item follows: there is a comma, and not the closing bracket. */
  #more(close: string): boolean {
    this.#blanks()
    const c = this.text[this.#at]
    if (c !== ',' && c !== close) this.#refuse(c === undefined ? 'it ends early' : `, or ${close} is missing`)
    this.#at++
    return c === ','
  }

  #closes(close: string): boolean {
    this.#blanks()
    if (this.text[this.#at] !== close) return false
    this.#at++
    return true
  }

  #array(depth: number): readonly unknown[] {
    const items: unknown[] = []
    if (this.#closes(']')) return items
    do items.push(this.#value(depth))
    while (this.#more(']'))
    return items
  }

  #object(depth: number): Readonly<Record<string, unknown>> {
    // Without a prototype: `toString` is missing where the text does not have it, and `__proto__` is a name
    // like others.
    const object: Record<string, unknown> = Object.create(null)
    if (this.#closes('}')) return object
    do {
      this.#blanks()
      const start = this.#at
      if (this.text[start] !== '"') this.#refuse('a name in quotes is missing')
      const name = this.#string()
      if (name in object) this.#refuse(`the name '${shortened(name)}' occurs twice`, start)
      this.#blanks()
      if (this.text[this.#at] !== ':') this.#refuse(': is missing')
      this.#at++
      object[name] = this.#value(depth)
    } while (this.#more('}'))
    return object
  }
}

/** A name for a message, cut to fit a line. */
const shortened = (name: string): string => (name.length <= 80 ? name : `${name.slice(0, 79)}…`)

/**
 * Parses JSON from any source, in time and memory bounded by its length. Objects have no prototype. Throws a
 * {@link JsonError}, also for a name that occurs twice in an object, and for a number that is infinite in
 * f64.
 */
export const parseJson = (text: string, reading: JsonReading = {}): unknown =>
  new JsonReader(text, reading).whole()
