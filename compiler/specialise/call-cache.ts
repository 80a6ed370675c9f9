import type { CoreExpr, CoreFn, VarId } from '../core/core.js'
import { ProgramLimit, programLimits } from '../diagnostics/limit.js'
import type { Builder } from '../ir/builder.js'
import { index } from '../ir/expr.js'
import { subexpressionsOf } from '../types/zonk.js'
import type { Scope } from './scope.js'
import type { ChoiceValue, CoreValue } from './value.js'

/**
 * Calls are inlined, and one with equal arguments in one place gives what it gave before. Without that a
 * function that calls another twice, which calls another twice, takes time and memory that double with
 * every level.
 */
export class CallCache {
  private readonly results = new Map<string, CoreValue>()
  private readonly keys = new WeakMap<CoreValue, string>()
  private readonly scopes = new WeakMap<Scope, string>()
  private readonly numbers = new WeakMap<object, number>()
  private readonly freeVariables = new WeakMap<CoreExpr, readonly VarId[]>()
  private readonly texts = new Map<string, string>()
  private last = 0
  private evaluations = 0
  private depth = 0

  constructor(private readonly builder: Builder) {}

  /**
   * Counts an evaluation inside others; throws a `ProgramLimit` when there are too many, or too many inside
   * one another.
   */
  inside<A>(run: () => A): A {
    if (++this.evaluations > programLimits.evaluations)
      throw new ProgramLimit(
        'the program is too long once its functions are inlined',
        `more than ${programLimits.evaluations} expressions would be evaluated`,
        'repeat with `fold` or `for` what is repeated by calls',
      )
    if (++this.depth > programLimits.depth) throw nestedTooDeep()
    try {
      return run()
    } finally {
      this.depth--
    }
  }

  /** The value of a call: what an equal call in this scope gave, or what `run` gives. */
  once(scope: Scope, key: string, run: () => CoreValue): CoreValue {
    const whole = `${this.scopeKey(scope)} ${key}`
    const known = this.results.get(whole)
    if (known !== undefined) return known
    const made = run()
    this.results.set(whole, made)
    return made
  }

  private scopeKey(scope: Scope): string {
    const known = this.scopes.get(scope)
    if (known !== undefined) return known
    const made = `${scope.axes.map(a => a.id).join()}/${scope.region ?? ''}`
    this.scopes.set(scope, made)
    return made
  }

  /** A number for an object: the same for the same object alone. */
  number(of: CoreExpr | CoreFn): number {
    const known = this.numbers.get(of) ?? ++this.last
    this.numbers.set(of, known)
    return known
  }

  /** A text that two values share exactly if they are equal. */
  key(v: CoreValue): string {
    const known = this.keys.get(v)
    if (known !== undefined) return known
    const made = this.keyAt(v, 0)
    this.keys.set(v, made)
    return made
  }

  private keyAt(v: CoreValue, level: number): string {
    switch (v.kind) {
      case 'scalar':
        return `${this.builder.ids.of(v.expr)}`
      case 'tensor':
      case 'array': {
        const position = v.shape.map((n, i) => index(this.builder.ids.place(1000 + level + i, n)))
        const element: CoreValue =
          v.kind === 'tensor' ? { kind: 'scalar', expr: v.at(position) } : v.at(position)
        return `[${v.shape.join()}:${this.keyAt(element, level + v.shape.length)}]`
      }
      case 'record':
        return this.short(`{${[...v.fields].map(([n, x]) => `${n}:${this.keyAt(x, level)}`).join()}}`)
      case 'tuple':
        return `(${v.items.map(x => this.keyAt(x, level)).join()})`
      case 'key':
        return `k${v.words.map(w => this.builder.ids.of(w)).join('.')}`
      case 'fn':
        return v.key()
      default:
        return this.choiceKey(v)
    }
  }

  /**
   * A short text for a long one, the same for the same one. Functions that hold functions that hold functions
   * have keys that double with every level.
   */
  short(text: string): string {
    if (text.length < 64) return text
    const known = this.texts.get(text) ?? `#${this.texts.size}`
    this.texts.set(text, known)
    return known
  }

  private choiceKey(v: ChoiceValue): string {
    return v.kind === 'choice'
      ? `'${v.name}`
      : `?${this.builder.ids.of(v.test)}(${this.choiceKey(v.yes)},${this.choiceKey(v.no)})`
  }

  /** The variables of outside that a lambda mentions. */
  captured(
    e: Extract<CoreExpr, { kind: 'lambda' }>,
    variables: ReadonlyMap<VarId, CoreValue>,
  ): readonly VarId[] {
    const known = this.freeVariables.get(e) ?? [...new Set(variablesIn(e.body))]
    this.freeVariables.set(e, known)
    return known.filter(id => variables.has(id))
  }
}

const variablesIn = (e: CoreExpr): readonly VarId[] =>
  e.kind === 'var' ? [e.id] : subexpressionsOf(e).flatMap(variablesIn)

export const nestedTooDeep = (): ProgramLimit =>
  new ProgramLimit(
    'the program is nested too deep',
    `calls and expressions stand more than ${programLimits.depth} deep inside one another`,
    'give parts of it names with `let` at the outside, or repeat with `fold`',
  )
