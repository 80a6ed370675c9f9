import type { CoreExpr, CoreFn, CorePattern, Program, VarId } from '../core/core.js'
import type { Diagnostic } from '../diagnostics/diagnostic.js'
import { countCalls } from './count-calls.js'
import { sameInEveryTurn, usedTwice } from './key-messages.js'
import {
  argumentText,
  bindKnown,
  holdsKey,
  indicesBehind,
  indicesInPositions,
  type KeyDraw,
  type KeyEnv,
  type KeyUse,
  keyPathOf,
  mentionsKeys,
  originOfKey,
  sameKey,
  seedName,
  unionOfSets,
} from './key-uses.js'
import { subexpressionsOf } from './zonk.js'

type Lambda = Extract<CoreExpr, { kind: 'lambda' }>

interface KeyUses {
  readonly uses: readonly KeyUse[]
  readonly draws: readonly KeyDraw[]
}

const noUses: KeyUses = { uses: [], draws: [] }
const join = (parts: readonly KeyUses[]): KeyUses => ({
  uses: parts.flatMap(p => p.uses),
  draws: parts.flatMap(p => p.draws),
})

/** The effect of a call of a function on its arguments. */
interface Summary {
  /** For each parameter, the paths within it whose keys are used; an empty path is the parameter itself. */
  readonly used: readonly (readonly (readonly string[])[])[]
  /** For each parameter that is a function, whether it may be called more than once. */
  readonly repeats: readonly boolean[]
}

/**
 * A key is used at most once on every path through a body, since two draws from one key at one position are
 * the same number. The branches of an `if` are alternatives. Inside a loop, or a function that is called
 * repeatedly, the position of a draw must depend on the loop's index or on the function's parameters: of
 * loops that a `for` or a reduction makes on one of the indices, of a `fold` on its own. Functions and
 * recipes that are `known` to have no such error are not looked through again.
 */
export const keyErrors = (
  program: Pick<Program, 'fns' | 'recipes' | 'tests'>,
  known: ReadonlySet<string>,
): readonly Diagnostic[] => {
  const pass = new KeyPass(program.fns)
  for (const [id, fn] of program.fns) if (!known.has(id)) pass.checkBody(fn.body, fn)
  for (const [id, recipe] of program.recipes)
    if (!known.has(id)) for (const m of recipe.methods.values()) pass.checkBody(m.body, m)
  for (const test of program.tests) pass.checkTest(test)
  return pass.errors
}

class KeyPass {
  readonly errors: Diagnostic[] = []
  private readonly told = new Set<string>()
  private readonly summaries = new Map<string, Summary | 'open'>()
  /** Tests may write one key twice, to see that it gives the same numbers. */
  private seeds = true

  constructor(private readonly fns: ReadonlyMap<string, CoreFn>) {}

  checkBody(e: CoreExpr, fn: Pick<CoreFn, 'params'>): KeyUses {
    if (!mentionsKeys(e, this.fns)) return noUses
    return this.find(e, new Map(fn.params.map(p => [p.id, { by: new Set<VarId>() }])))
  }

  checkTest(test: Program['tests'][number]): void {
    const last = test.expectations.at(-1)
    if (last === undefined) return
    this.seeds = false
    const parts = test.expectations.flatMap(x => [
      x.actual,
      ...(x.expected === undefined ? [] : [x.expected]),
    ])
    const all: CoreExpr = { kind: 'tuple', items: parts, type: last.actual.type, span: test.span }
    const body = last.lets.reduceRight<CoreExpr>(
      (inner, l) => ({ kind: 'let', ...l, body: inner, type: inner.type, span: test.span }),
      all,
    )
    this.checkBody(body, { params: [] })
    this.seeds = true
  }

  private find(e: CoreExpr, env: KeyEnv): KeyUses {
    switch (e.kind) {
      case 'var': {
        const lambda = env.get(e.id)?.lambda
        return lambda === undefined ? this.usePath(e, env) : this.findInRepeated(lambda, env)
      }
      case 'field':
      case 'read':
        return keyPathOf(e) === undefined ? this.findInOrder(subexpressionsOf(e), env) : this.usePath(e, env)
      case 'let':
        return this.findInLet(e, env)
      case 'if': {
        const condition = this.find(e.condition, env)
        const branches = [this.find(e.then, env), this.find(e.otherwise, env)]
        for (const branch of branches) this.checkOrder([condition, branch])
        return join([condition, ...branches])
      }
      case 'for':
      case 'reduce': {
        const indices = e.binders.flatMap(binderIds)
        return this.leaveLoop(this.find(e.body, withIndices(env, indices)), env, new Set(indices), false)
      }
      case 'fold': {
        const { id } = e.binder
        const inner = withCarry(withIndices(env, [id]), e.pattern, id)
        const body = this.leaveLoop(this.find(e.body, inner), env, new Set([id]), true)
        return this.checkOrder([this.find(e.init, env), body])
      }
      case 'lambda':
        return this.findInRepeated(e, env)
      case 'grad':
        return this.checkOrder([this.find(e.at, env), this.functionArgument(e.fn, env, false)])
      case 'apply':
        return this.findInApply(e, env)
      case 'call':
        return this.findInCall(e, env)
      case 'builtin':
        return this.findInBuiltin(e, env)
      default:
        return this.findInOrder(subexpressionsOf(e), env)
    }
  }

  private findInOrder(parts: readonly CoreExpr[], env: KeyEnv): KeyUses {
    return this.checkOrder(parts.map(p => this.find(p, env)))
  }

  /** Things that happen one after the other: no key may be in two of them. */
  private checkOrder(parts: readonly KeyUses[]): KeyUses {
    const before: KeyUse[] = []
    for (const { uses } of parts) {
      for (const use of uses) {
        const first = before.find(b => sameKey(b, use) && b !== use)
        if (first !== undefined) this.report(use.path[0]!, usedTwice(use.name, first.span, use.span))
      }
      before.push(...uses)
    }
    return join(parts)
  }

  private report(key: string, d: Diagnostic): void {
    if (this.told.has(key)) return
    this.told.add(key)
    this.errors.push(d)
  }

  /** A variable or a part of one, which is a use if there is a key in it. */
  private usePath(e: CoreExpr, env: KeyEnv): KeyUses {
    const at = keyPathOf(e)
    const inner = e.kind === 'read' ? this.findInOrder(e.at, env) : noUses
    if (at === undefined || !holdsKey(e.type)) return inner
    return join([inner, { uses: [{ ...at, span: e.span, with: '' }], draws: [] }])
  }

  private findInLet(e: Extract<CoreExpr, { kind: 'let' }>, env: KeyEnv): KeyUses {
    if (e.value.kind === 'lambda')
      return this.find(e.body, bindKnown(env, e.pattern, { by: new Set(), lambda: e.value }))
    const origin = holdsKey(e.value.type) ? { origin: originOfKey(e.value, env) } : {}
    const inner = bindKnown(env, e.pattern, { by: indicesBehind(e.value, env), ...origin })
    return this.checkOrder([this.find(e.value, env), this.find(e.body, inner)])
  }

  /**
   * The uses and draws of a loop as its surroundings see them. A draw from a key of outside gives the same
   * number in every turn unless its position depends on an index.
   */
  private leaveLoop(body: KeyUses, outside: KeyEnv, indices: ReadonlySet<VarId>, fold: boolean): KeyUses {
    const draws = body.draws.map(d => {
      const captured = [...d.roots].some(r => (r === 'seed' ? this.seeds : outside.has(r)))
      const varies = [...d.by].some(v => indices.has(v))
      if (captured && !varies && (fold || !d.varied))
        this.report(
          `${d.span.start} ${d.name}`,
          sameInEveryTurn(d, fold ? 'turn of the `fold`' : 'turn of the loop'),
        )
      return varies && !fold ? { ...d, varied: true } : d
    })
    return { uses: body.uses, draws }
  }

  /** A lambda that may be called many times: its parameters must make its draws differ. */
  private findInRepeated(e: Lambda, env: KeyEnv): KeyUses {
    const params = e.params.map(p => p.id)
    const body = this.find(e.body, withIndices(env, params))
    return this.leaveLoop(body, env, new Set(params), false)
  }

  /** A function as an argument. */
  private functionArgument(e: CoreExpr, env: KeyEnv, repeats: boolean): KeyUses {
    const lambda = e.kind === 'lambda' ? e : e.kind === 'var' ? env.get(e.id)?.lambda : undefined
    if (lambda === undefined) return this.find(e, env)
    return repeats
      ? this.findInRepeated(lambda, env)
      : this.find(
          lambda.body,
          withIndices(
            env,
            lambda.params.map(p => p.id),
          ),
        )
  }

  /**
   * A call of a local function: its body's uses, with what the arguments depend on in place of the
   * parameters.
   */
  private findInApply(e: Extract<CoreExpr, { kind: 'apply' }>, env: KeyEnv): KeyUses {
    const args = e.args.map(a =>
      a.type.kind === 'fn' ? this.functionArgument(a, env, true) : this.find(a, env),
    )
    const { callee } = e
    const lambda =
      callee.kind === 'lambda' ? callee : callee.kind === 'var' ? env.get(callee.id)?.lambda : undefined
    if (lambda === undefined)
      return this.checkOrder([callee.kind === 'var' ? noUses : this.find(callee, env), ...args])
    const params = new Set(lambda.params.map(p => p.id))
    const body = this.find(lambda.body, withIndices(env, [...params]))
    const given = unionOfSets(...e.args.map(a => indicesBehind(a, env)))
    const draws = body.draws.map(d =>
      [...d.by].some(v => params.has(v)) ? { ...d, by: unionOfSets(d.by, given) } : d,
    )
    const varies = body.draws.length > 0 && body.draws.every(d => [...d.by].some(v => params.has(v)))
    const uses = body.uses.map(u => ({
      ...u,
      span: e.span,
      with: varies ? `(${argumentText(e.args)})` : u.with,
    }))
    return this.checkOrder([...args, { uses, draws }])
  }

  private findInCall(e: Extract<CoreExpr, { kind: 'call' }>, env: KeyEnv): KeyUses {
    const summary = this.summarise(e.fn)
    const position = indicesInPositions(e.args, env)
    const parts = e.args.map((a, i): KeyUses => {
      if (a.type.kind === 'fn') return this.functionArgument(a, env, summary?.repeats[i] ?? true)
      if (!holdsKey(a.type)) return this.find(a, env)
      const origin = originOfKey(a, env)
      const at = keyPathOf(a)
      const used = summary?.used[i] ?? [[]]
      const draw: KeyDraw = {
        roots: origin.roots,
        by: unionOfSets(origin.by, position),
        name: at?.name ?? seedName(a),
        span: a.span,
        varied: false,
      }
      const draws = used.length === 0 ? [] : [draw]
      if (at === undefined) return join([this.find(a, env), { uses: [], draws }])
      const uses = used.map(more => ({ ...at, path: [...at.path, ...more], span: a.span, with: '' }))
      return join([a.kind === 'read' ? this.findInOrder(a.at, env) : noUses, { uses, draws }])
    })
    const defaults = (this.fns.get(e.fn)?.params ?? []).slice(e.args.length).flatMap(p => {
      if (p.default === undefined || !holdsKey(p.type)) return []
      const { uses } = this.find(p.default, new Map())
      const draw: KeyDraw = {
        roots: new Set(['seed']),
        by: position,
        name: seedName(p.default),
        span: e.span,
        varied: false,
      }
      return [{ uses: uses.map(u => ({ ...u, span: e.span })), draws: [draw] }]
    })
    return this.checkOrder([...parts, ...defaults])
  }

  private findInBuiltin(e: Extract<CoreExpr, { kind: 'builtin' }>, env: KeyEnv): KeyUses {
    const [key, position] = e.args
    switch (e.builtin) {
      case 'key': {
        const name = seedName(e)
        const uses = this.seeds ? [{ path: [name], root: undefined, name, span: e.span, with: '' }] : []
        return join([this.findInOrder(e.args, env), { uses, draws: [] }])
      }
      case 'uniform':
      case 'normal': {
        const origin = originOfKey(key!, env)
        const draw: KeyDraw = {
          roots: origin.roots,
          by: unionOfSets(origin.by, indicesBehind(position!, env)),
          name: keyPathOf(key!)?.name ?? seedName(key!),
          span: e.span,
          varied: false,
        }
        return join([this.findInOrder(e.args, env), { uses: [], draws: [draw] }])
      }
      case 'map':
      case 'total':
        return this.checkOrder([
          this.functionArgument(key!, env, true),
          ...e.args.slice(1).map(a => this.find(a, env)),
        ])
      default:
        return this.findInOrder(e.args, env)
    }
  }

  /** Whether a parameter that is a function may be called more than once. */
  private mayRepeat(body: CoreExpr, param: VarId): boolean {
    return countCalls(body, param, (fn, i) => this.summarise(fn)?.repeats[i] === false) > 1
  }

  private summarise(id: string): Summary | undefined {
    const known = this.summaries.get(id)
    const fn = this.fns.get(id)
    if (known === 'open' || fn === undefined) return undefined
    if (known !== undefined) return known
    this.summaries.set(id, 'open')
    const { uses } = this.checkBody(fn.body, fn)
    const made: Summary = {
      used: fn.params.map(p => uses.filter(u => u.root === p.id).map(u => u.path.slice(1))),
      repeats: fn.params.map(p => p.type.kind === 'fn' && this.mayRepeat(fn.body, p.id)),
    }
    this.summaries.set(id, made)
    return made
  }
}

type Binder = Extract<CoreExpr, { kind: 'for' }>['binders'][number]

const binderIds = (b: Binder): readonly VarId[] => (b.kind === 'index' ? [b.id] : b.parts.flatMap(binderIds))

const withIndices = (env: KeyEnv, ids: readonly VarId[]): KeyEnv =>
  new Map([...env, ...ids.map(id => [id, { by: new Set([id]) }] as const)])

/** The carry of a fold depends on its turn, so its keys are new in every turn. */
const withCarry = (env: KeyEnv, pattern: CorePattern, turn: VarId): KeyEnv =>
  bindKnown(env, pattern, { by: new Set([turn]) })
