import type { CoreExpr, CoreFn, CorePattern, Program, VarId } from '../core/core.js'
import type { Diagnostic } from '../diagnostics/diagnostic.js'
import type { Span } from '../diagnostics/source.js'
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

interface Found {
  readonly uses: readonly KeyUse[]
  readonly draws: readonly KeyDraw[]
}

const nothing: Found = { uses: [], draws: [] }
const join = (parts: readonly Found[]): Found => ({
  uses: parts.flatMap(p => p.uses),
  draws: parts.flatMap(p => p.draws),
})

/** What a call of a function does with its arguments. */
interface Summary {
  /** For each parameter, the paths within it whose keys are used; an empty path is the parameter itself. */
  readonly used: readonly (readonly (readonly string[])[])[]
  /** For each parameter that is a function, whether it may be called more than once. */
  readonly repeats: readonly boolean[]
}

/**
 * A key is used at most once on every path through a body, since two draws from one key at one position are the same number. The branches of an
 * `if` are alternatives. Inside a loop, or a function that is called repeatedly, the position of a draw must depend on the loop's index or on the
 * function's parameters: of loops that a `for` or a reduction makes on one of the indices, of a `fold` on its own. Functions and recipes that are `known` to have no such error are not looked through again.
 */
export const keyErrors = (
  program: Pick<Program, 'fns' | 'recipes' | 'tests'>,
  known: ReadonlySet<string>,
): readonly Diagnostic[] => {
  const pass = new KeyPass(program.fns)
  for (const [id, fn] of program.fns) if (!known.has(id)) pass.body(fn.body, fn)
  for (const [id, recipe] of program.recipes)
    if (!known.has(id)) for (const m of recipe.methods.values()) pass.body(m.body, m)
  for (const test of program.tests) pass.test(test)
  return pass.errors
}

class KeyPass {
  readonly errors: Diagnostic[] = []
  private readonly told = new Set<string>()
  private readonly summaries = new Map<string, Summary | 'open'>()
  /** Tests may write one key twice, to see that it gives the same numbers. */
  private seeds = true

  constructor(private readonly fns: ReadonlyMap<string, CoreFn>) {}

  body(e: CoreExpr, fn: Pick<CoreFn, 'params'>): Found {
    if (!mentionsKeys(e, this.fns)) return nothing
    return this.find(e, new Map(fn.params.map(p => [p.id, { by: new Set<VarId>() }])))
  }

  test(test: Program['tests'][number]): void {
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
    this.body(body, { params: [] })
    this.seeds = true
  }

  private find(e: CoreExpr, env: KeyEnv): Found {
    switch (e.kind) {
      case 'var': {
        const lambda = env.get(e.id)?.lambda
        return lambda === undefined ? this.path(e, env) : this.repeated(lambda, env)
      }
      case 'field':
      case 'read':
        return keyPathOf(e) === undefined ? this.sequence(subexpressionsOf(e), env) : this.path(e, env)
      case 'let':
        return this.let(e, env)
      case 'if': {
        const condition = this.find(e.condition, env)
        const branches = [this.find(e.then, env), this.find(e.otherwise, env)]
        for (const branch of branches) this.inOrder([condition, branch])
        return join([condition, ...branches])
      }
      case 'for':
      case 'reduce': {
        const indices = e.binders.flatMap(binderIds)
        return this.loop(this.find(e.body, withIndices(env, indices)), env, new Set(indices), false)
      }
      case 'fold': {
        const { id } = e.binder
        const inner = withCarry(withIndices(env, [id]), e.pattern, id)
        const body = this.loop(this.find(e.body, inner), env, new Set([id]), true)
        return this.inOrder([this.find(e.init, env), body])
      }
      case 'lambda':
        return this.repeated(e, env)
      case 'grad':
        return this.inOrder([this.find(e.at, env), this.handed(e.fn, env, false)])
      case 'apply':
        return this.apply(e, env)
      case 'call':
        return this.call(e, env)
      case 'builtin':
        return this.builtin(e, env)
      default:
        return this.sequence(subexpressionsOf(e), env)
    }
  }

  private sequence(parts: readonly CoreExpr[], env: KeyEnv): Found {
    return this.inOrder(parts.map(p => this.find(p, env)))
  }

  /** Things that happen one after the other: no key may be in two of them. */
  private inOrder(parts: readonly Found[]): Found {
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
  private path(e: CoreExpr, env: KeyEnv): Found {
    const at = keyPathOf(e)
    const inner = e.kind === 'read' ? this.sequence(e.at, env) : nothing
    if (at === undefined || !holdsKey(e.type)) return inner
    return join([inner, { uses: [{ ...at, span: e.span, with: '' }], draws: [] }])
  }

  private let(e: Extract<CoreExpr, { kind: 'let' }>, env: KeyEnv): Found {
    if (e.value.kind === 'lambda')
      return this.find(e.body, bindKnown(env, e.pattern, { by: new Set(), lambda: e.value }))
    const origin = holdsKey(e.value.type) ? { origin: originOfKey(e.value, env) } : {}
    const inner = bindKnown(env, e.pattern, { by: indicesBehind(e.value, env), ...origin })
    return this.inOrder([this.find(e.value, env), this.find(e.body, inner)])
  }

  /** What leaves a loop. A draw from a key of outside gives the same number in every turn unless its position depends on an index. */
  private loop(body: Found, outside: KeyEnv, indices: ReadonlySet<VarId>, fold: boolean): Found {
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
  private repeated(e: Lambda, env: KeyEnv): Found {
    const params = e.params.map(p => p.id)
    const body = this.find(e.body, withIndices(env, params))
    return this.loop(body, env, new Set(params), false)
  }

  /** A function as an argument. */
  private handed(e: CoreExpr, env: KeyEnv, repeats: boolean): Found {
    const lambda = e.kind === 'lambda' ? e : e.kind === 'var' ? env.get(e.id)?.lambda : undefined
    if (lambda === undefined) return this.find(e, env)
    return repeats
      ? this.repeated(lambda, env)
      : this.find(
          lambda.body,
          withIndices(
            env,
            lambda.params.map(p => p.id),
          ),
        )
  }

  /** A call of a local function: its body's uses, with what the arguments depend on in place of the parameters. */
  private apply(e: Extract<CoreExpr, { kind: 'apply' }>, env: KeyEnv): Found {
    const args = e.args.map(a => (a.type.kind === 'fn' ? this.handed(a, env, true) : this.find(a, env)))
    const { callee } = e
    const lambda =
      callee.kind === 'lambda' ? callee : callee.kind === 'var' ? env.get(callee.id)?.lambda : undefined
    if (lambda === undefined)
      return this.inOrder([callee.kind === 'var' ? nothing : this.find(callee, env), ...args])
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
    return this.inOrder([...args, { uses, draws }])
  }

  private call(e: Extract<CoreExpr, { kind: 'call' }>, env: KeyEnv): Found {
    const summary = this.summary(e.fn)
    const position = indicesInPositions(e.args, env)
    const parts = e.args.map((a, i): Found => {
      if (a.type.kind === 'fn') return this.handed(a, env, summary?.repeats[i] ?? true)
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
      return join([a.kind === 'read' ? this.sequence(a.at, env) : nothing, { uses, draws }])
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
    return this.inOrder([...parts, ...defaults])
  }

  private builtin(e: Extract<CoreExpr, { kind: 'builtin' }>, env: KeyEnv): Found {
    const [key, position] = e.args
    switch (e.builtin) {
      case 'key': {
        const name = seedName(e)
        const uses = this.seeds ? [{ path: [name], root: undefined, name, span: e.span, with: '' }] : []
        return join([this.sequence(e.args, env), { uses, draws: [] }])
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
        return join([this.sequence(e.args, env), { uses: [], draws: [draw] }])
      }
      case 'map':
      case 'total':
        return this.inOrder([this.handed(key!, env, true), ...e.args.slice(1).map(a => this.find(a, env))])
      default:
        return this.sequence(e.args, env)
    }
  }

  private summary(id: string): Summary | undefined {
    const known = this.summaries.get(id)
    const fn = this.fns.get(id)
    if (known === 'open' || fn === undefined) return undefined
    if (known !== undefined) return known
    this.summaries.set(id, 'open')
    const { uses } = this.body(fn.body, fn)
    const made: Summary = {
      used: fn.params.map(p => uses.filter(u => u.root === p.id).map(u => u.path.slice(1))),
      repeats: fn.params.map(p => p.type.kind === 'fn' && this.calls(fn.body, p.id) > 1),
    }
    this.summaries.set(id, made)
    return made
  }

  /** How often a parameter that is a function may be called; what is inside a loop or another function counts as often. */
  private calls(e: CoreExpr, id: VarId): number {
    const go = (x: CoreExpr): number => this.calls(x, id)
    const sum = (xs: readonly CoreExpr[]): number => xs.reduce((n, x) => n + go(x), 0)
    switch (e.kind) {
      case 'var':
        return e.id === id ? 2 : 0
      case 'if':
        return go(e.condition) + Math.max(go(e.then), go(e.otherwise))
      case 'for':
      case 'reduce':
      case 'lambda':
        return 2 * go(e.body)
      case 'fold':
        return go(e.init) + 2 * go(e.body)
      case 'grad':
        return (
          go(e.at) +
          (e.fn.kind === 'lambda' ? go(e.fn.body) : e.fn.kind === 'var' && e.fn.id === id ? 1 : go(e.fn))
        )
      case 'apply':
        return (e.callee.kind === 'var' && e.callee.id === id ? 1 : go(e.callee)) + sum(e.args)
      case 'call': {
        const repeats = this.summary(e.fn)?.repeats
        return e.args.reduce(
          (n, a, i) => n + (a.kind === 'var' && a.id === id && repeats?.[i] === false ? 1 : go(a)),
          0,
        )
      }
      default:
        return sum(subexpressionsOf(e))
    }
  }
}

type Binder = Extract<CoreExpr, { kind: 'for' }>['binders'][number]

const binderIds = (b: Binder): readonly VarId[] => (b.kind === 'index' ? [b.id] : b.parts.flatMap(binderIds))

const withIndices = (env: KeyEnv, ids: readonly VarId[]): KeyEnv =>
  new Map([...env, ...ids.map(id => [id, { by: new Set([id]) }] as const)])

/** What a fold carries depends on its turn. Keys that it carries are new in every turn. */
const withCarry = (env: KeyEnv, pattern: CorePattern, turn: VarId): KeyEnv =>
  bindKnown(env, pattern, { by: new Set([turn]) })

const usedTwice = (name: string, first: Span, second: Span): Diagnostic => {
  const base = /^\w+/.exec(name)?.[0] ?? 'k'
  return {
    code: 'E0401',
    title: `the key \`${name}\` is used twice`,
    labels: [
      { span: second, text: 'used again' },
      { span: first, text: 'used first' },
    ],
    text: 'Two draws from one key give the same numbers.',
    hint: `split it: \`let (${base}1, ${base}2) = split(${name})\``,
  }
}

const sameInEveryTurn = (d: KeyDraw, turn: string): Diagnostic => ({
  code: 'E0401',
  title: `the key \`${d.name}\` gives the same number in every ${turn}`,
  labels: [{ span: d.span, text: 'drawn at a position that does not change' }],
  text: 'A random number is a function of a key and a position, and nothing here depends on the turn.',
  hint: 'put the index into the position, or derive a key for each turn: `fold_in(k, i)`; one number for all stands outside, in a `let`',
})
