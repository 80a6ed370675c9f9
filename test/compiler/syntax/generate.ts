import fc from 'fast-check'
import type * as Ast from '../../../compiler/syntax/ast.js'
import { printSourceExpr, printTypeExpr } from '../../../compiler/syntax/print-module.js'
import { keywords } from '../../../compiler/syntax/tokens.js'

const span = { source: { name: 'generated', text: '' }, start: 0, end: 0 }

/** One count of depth for all kinds of tree, so that expressions in types in expressions stay small. */
const DEPTH = fc.createDepthIdentifier()

const word = fc.oneof(
  fc.constantFrom(
    'x',
    'y',
    'state',
    'from',
    'is',
    'per',
    'with',
    'test',
    'type',
    'as',
    'within',
    'expect',
    'at',
    "z'",
  ),
  fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,4}'?$/).filter(w => !keywords.has(w)),
)
const name: fc.Arbitrary<Ast.Name> = word.map(text => ({ text, span }))
const capital: fc.Arbitrary<Ast.Name> = fc.stringMatching(/^[A-Z][a-z]{0,3}$/).map(text => ({ text, span }))
const path: fc.Arbitrary<Ast.Path> = fc.record(
  { module: name, name, span: fc.constant(span) },
  { requiredKeys: ['name', 'span'] },
)
const capitalPath: fc.Arbitrary<Ast.Path> = fc.record(
  { module: name, name: capital, span: fc.constant(span) },
  { requiredKeys: ['name', 'span'] },
)
const some = <A>(arbitrary: fc.Arbitrary<A>, least = 1): fc.Arbitrary<A[]> =>
  fc.array(arbitrary, { minLength: least, maxLength: 3 })

const number: fc.Arbitrary<Ast.SourceExpr> = fc.oneof(
  fc.nat().map(value => ({ kind: 'number' as const, value, integer: true, span })),
  fc
    .double({ min: 0, max: 3.4e38, noNaN: true, noDefaultInfinity: true })
    .map(value => ({ kind: 'number' as const, value: value + 0, integer: false, span })),
)
const whole: fc.Arbitrary<Ast.SourceExpr> = fc
  .nat()
  .map(value => ({ kind: 'number' as const, value, integer: true, span }))

const sizes = fc.letrec<{ size: Ast.SourceExpr; compound: Ast.SourceExpr }>(tie => ({
  size: fc.oneof(
    { maxDepth: 3, depthIdentifier: DEPTH },
    path.map(p => ({ kind: 'name' as const, path: p, span })),
    whole,
    tie('compound'),
  ),
  compound: fc.oneof(
    fc.record({
      kind: fc.constant('binary' as const),
      op: fc.constantFrom('+', '-', '*', '/', '%', '^'),
      left: tie('size'),
      right: tie('size'),
      span: fc.constant(span),
    }),
    fc.record({
      kind: fc.constant('unary' as const),
      op: fc.constant('-' as const),
      operand: tie('size'),
      span: fc.constant(span),
    }),
  ),
}))
const size = sizes.size

const type: fc.Arbitrary<Ast.TypeExpr> = fc.letrec<{ type: Ast.TypeExpr; named: Ast.TypeExpr }>(tie => ({
  type: fc.oneof(
    { maxDepth: 3, depthIdentifier: DEPTH },
    path.map(p => ({ kind: 'named' as const, path: p, args: [], span })),
    tie('named'),
    size.map(bound => ({ kind: 'idx' as const, bound, span })),
    fc.record({
      kind: fc.constant('array' as const),
      element: tie('type'),
      dims: some(size),
      span: fc.constant(span),
    }),
    fc.record({ kind: fc.constant('tuple' as const), items: some(tie('type'), 2), span: fc.constant(span) }),
    fc.record({
      kind: fc.constant('fn' as const),
      params: some(tie('type'), 0),
      result: tie('type'),
      span: fc.constant(span),
    }),
    fc.record({ kind: fc.constant('per' as const), of: tie('named'), span: fc.constant(span) }),
  ),
  named: fc.record({
    kind: fc.constant('named' as const),
    path,
    args: fc.array(
      fc.record({
        name,
        value: fc.oneof(
          tie('type').map(t => ({ kind: 'type' as const, type: t })),
          // A bare path is a type: what it names is decided later.
          fc.oneof(whole, sizes.compound).map(s => ({ kind: 'size' as const, size: s })),
        ),
        span: fc.constant(span),
      }),
      { maxLength: 2 },
    ),
    span: fc.constant(span),
  }),
})).type

const pattern: fc.Arbitrary<Ast.Pattern> = fc.letrec<{ pattern: Ast.Pattern }>(tie => ({
  pattern: fc.oneof(
    { maxDepth: 3, depthIdentifier: DEPTH },
    name.map(n => ({ kind: 'name' as const, name: n, span })),
    some(tie('pattern'), 2).map(items => ({ kind: 'tuple' as const, items, span })),
  ),
})).pattern

const binder: fc.Arbitrary<Ast.Binder> = fc.letrec<{ binder: Ast.Binder }>(tie => ({
  binder: fc.oneof(
    { maxDepth: 3, depthIdentifier: DEPTH },
    fc.record(
      { kind: fc.constant('index' as const), name, range: size, span: fc.constant(span) },
      { requiredKeys: ['kind', 'name', 'span'] },
    ),
    some(tie('binder'), 2).map(parts => ({ kind: 'product' as const, parts, span })),
  ),
})).binder

const optional = { noNullPrototype: true }

export const expr: fc.Arbitrary<Ast.SourceExpr> = fc.letrec<{ expr: Ast.SourceExpr }>(tie => {
  const e = tie('expr')
  const keeps = fc.constantFrom('last' as const, 'all' as const)
  const direction = fc.constantFrom('up' as const, 'down' as const)
  const node = <K extends Ast.SourceExpr['kind']>(
    kind: K,
  ): { kind: fc.Arbitrary<K>; span: fc.Arbitrary<typeof span> } => ({
    kind: fc.constant(kind),
    span: fc.constant(span),
  })
  const fields = fc.array(fc.record({ name, value: e }), { maxLength: 3 })
  return {
    expr: fc.oneof(
      { maxDepth: 3, depthIdentifier: DEPTH },
      name.map(n => ({ kind: 'name' as const, path: { name: n, span }, span })),
      number,
      fc.record({ ...node('bool'), value: fc.boolean() }),
      fc.record(
        { ...node('let'), pattern, type, value: e, body: e },
        { requiredKeys: ['kind', 'pattern', 'value', 'body', 'span'] },
      ),
      // biome-ignore lint/suspicious/noThenProperty: the tree's own field
      fc.record({ ...node('if'), condition: e, then: e, otherwise: e }),
      fc.record({ ...node('for'), binders: some(binder), body: e }),
      fc.record({
        ...node('reduce'),
        op: fc.constantFrom('sum', 'mean', 'prod', 'max', 'min', 'argmax', 'argmin', 'any', 'all'),
        binders: some(binder),
        body: e,
      }),
      fc.record(
        { ...node('fold'), keeps, direction, pattern, init: e, binder, body: e },
        { requiredKeys: ['kind', 'keeps', 'direction', 'pattern', 'binder', 'body', 'span'] },
      ),
      fc.record({
        ...node('lambda'),
        params: some(
          fc.record({ name, type, span: fc.constant(span) }, { requiredKeys: ['name', 'span'] }),
          0,
        ),
        body: e,
      }),
      fc.record({
        ...node('call'),
        callee: fc.oneof(
          e,
          fc
            .constantFrom('max', 'min')
            .map(text => ({ kind: 'name' as const, path: { name: { text, span }, span }, span })),
        ),
        args: some(e, 0),
      }),
      fc.record({ ...node('index'), target: e, at: some(e) }),
      fc.record({ ...node('at'), target: e, at: some(e), otherwise: e }),
      fc.record({ ...node('replace'), target: e, at: some(e), value: e }),
      fc.record({ ...node('field'), target: e, field: name }),
      fc.record({
        ...node('binary'),
        op: fc.constantFrom('+', '-', '*', '/', '%', '^', '==', '!=', '<', '<=', '>', '>=', 'and', 'or'),
        left: e,
        right: e,
      }),
      fc.record({ ...node('unary'), op: fc.constantFrom('-', 'not'), operand: e }),
      fc.record({ ...node('tuple'), items: some(e, 2) }),
      fc.record({ ...node('array'), items: some(e, 0) }),
      fc.record({ ...node('record'), fields }),
      fc.record({ ...node('record'), type: capitalPath, fields }),
      fc.record({ ...node('record'), base: e, fields }),
    ) as fc.Arbitrary<Ast.SourceExpr>,
  }
}).expr

const doc = fc
  .array(
    fc.string({ maxLength: 12 }).map(s => s.replace(/[\r\n\t]/g, ' ').trimEnd()),
    { minLength: 1, maxLength: 3 },
  )
  .map(lines => lines.join('\n'))

const config: fc.Arbitrary<Ast.ConfigExpr> = fc.letrec<{ config: Ast.ConfigExpr }>(tie => ({
  config: fc.oneof(
    { maxDepth: 3, depthIdentifier: DEPTH },
    fc.record({
      kind: fc.constant('entry' as const),
      path: fc.string({ unit: 'binary' }),
      span: fc.constant(span),
    }),
    fc.record({ kind: fc.constant('number' as const), value: fc.nat(), span: fc.constant(span) }),
    fc.record({
      kind: fc.constant('binary' as const),
      op: fc.constantFrom('+', '-', '*', '/'),
      left: tie('config'),
      right: tie('config'),
      span: fc.constant(span),
    }),
    fc.record({ kind: fc.constant('refuse' as const), span: fc.constant(span) }),
    fc.record({
      kind: fc.constant('is' as const),
      left: tie('config'),
      text: fc.option(fc.string()),
      not: fc.array(fc.string(), { maxLength: 2 }),
      span: fc.constant(span),
    }),
    fc.record({
      kind: fc.constant('bound' as const),
      left: tie('config'),
      op: fc.constantFrom('>', '>='),
      least: fc.nat(),
      span: fc.constant(span),
    }),
    fc.record({
      kind: fc.constant('or' as const),
      left: tie('config'),
      right: tie('config'),
      span: fc.constant(span),
    }),
    fc.record({
      kind: fc.constant('else' as const),
      left: tie('config'),
      right: tie('config'),
      span: fc.constant(span),
    }),
  ),
})).config

const tensorName = fc.record({ text: fc.string(), when: name }, { requiredKeys: ['text'] })

const field = fc.record(
  {
    name,
    type,
    from: fc.record(
      { names: some(tensorName), shape: some(size), fill: fc.integer(), span: fc.constant(span) },
      { requiredKeys: ['names', 'span'] },
    ),
    doc,
    span: fc.constant(span),
  },
  { requiredKeys: ['name', 'type', 'span'] },
)

const typedParam = fc.record(
  { name, type, default: expr, span: fc.constant(span) },
  { requiredKeys: ['name', 'type', 'span'] },
)
const looseParam = fc.record(
  { name, type, default: expr, span: fc.constant(span) },
  { requiredKeys: ['name', 'span'] },
)
const kind = <K extends Ast.Item['kind']>(k: K) => ({ kind: fc.constant(k), span: fc.constant(span) })

const fn = <R extends ('result' | 'kind')[]>(param: fc.Arbitrary<Ast.Param>, required: R) =>
  fc.record(
    { ...kind('fn'), name, params: fc.array(param, { maxLength: 3 }), result: type, body: expr, doc },
    { requiredKeys: ['kind', 'name', 'params', 'body', 'span', ...required] },
  )

/** A condition stands behind what it is for. */
const read = <C extends { readonly from?: unknown; readonly when?: unknown }>({ when, ...c }: C) => ({
  ...c,
  ...(c.from !== undefined && when !== undefined && { when }),
})

const nameOf = (n: Ast.Name): Ast.SourceExpr => ({ kind: 'name', path: { name: n, span }, span })

const item = fc.oneof(
  fc.record({ ...kind('size'), names: some(name), doc }, { requiredKeys: ['kind', 'names', 'span'] }),
  fc.record(
    { ...kind('size'), names: name.map(n => [n]), definition: size, from: config, doc },
    { requiredKeys: ['kind', 'names', 'span'] },
  ),
  fc.record({ ...kind('type'), name, doc }, { requiredKeys: ['kind', 'name', 'span'] }),
  fc
    .record(
      { ...kind('const'), name, type, value: expr, from: config, when: name, doc },
      { requiredKeys: ['kind', 'name', 'value', 'span'] },
    )
    .map(read)
    // `x = x` after the colon is a choice and its value.
    .filter(c => c.type === undefined || !printSourceExpr(c.value).startsWith(printTypeExpr(c.type))),
  fc
    .record(
      { ...kind('const'), name, choices: some(name), value: expr, from: config, when: name, doc },
      { requiredKeys: ['kind', 'name', 'choices', 'value', 'span'] },
    )
    .map(read)
    .map(c => (c.choices.length > 1 ? c : { ...c, value: nameOf(c.choices[0]!) })),
  fc.record(
    { ...kind('record'), name, fields: some(field, 0), doc },
    { requiredKeys: ['kind', 'name', 'fields', 'span'] },
  ),
  fn(typedParam, ['result']),
  fc.record(
    {
      ...kind('recipe'),
      name,
      params: fc.array(looseParam, { maxLength: 2 }),
      settings: some(
        fc.oneof(
          fc.record(
            { name, choices: some(name), value: expr, doc, span: fc.constant(span) },
            { requiredKeys: ['name', 'value', 'span'] },
          ),
          fc.record(
            { name, size: fc.constant(true as const), value: expr, doc, span: fc.constant(span) },
            { requiredKeys: ['name', 'size', 'value', 'span'] },
          ),
        ),
        0,
      ),
      state: some(field, 0),
      methods: fc.array(fn(looseParam, ['kind']), { maxLength: 2 }),
      doc,
    },
    { requiredKeys: ['kind', 'name', 'params', 'settings', 'state', 'methods', 'span'] },
  ),
  fc.record({
    ...kind('test'),
    title: fc.string({ unit: 'binary' }),
    statements: some(
      fc.oneof(
        fc.record(
          { kind: fc.constant('let' as const), pattern, type, value: expr, span: fc.constant(span) },
          { requiredKeys: ['kind', 'pattern', 'value', 'span'] },
        ),
        fc.record(
          {
            kind: fc.constant('expect' as const),
            actual: expr,
            expected: expr,
            within: expr,
            span: fc.constant(span),
          },
          { requiredKeys: ['kind', 'actual', 'span'] },
        ),
      ),
      0,
    ),
  }),
) as fc.Arbitrary<Ast.Item>

const imported = fc.oneof(
  fc.record(
    { segments: some(name), alias: name, span: fc.constant(span) },
    { requiredKeys: ['segments', 'span'] },
  ),
  fc.record({ segments: some(name), names: some(name), span: fc.constant(span) }),
) as fc.Arbitrary<Ast.ImportDecl>

/** Modules whose imports qualify nothing that the items mention. */
export const module: fc.Arbitrary<Ast.Module> = fc.record(
  {
    doc,
    imports: fc.array(
      imported.map(i => (i.names ? i : { ...i, alias: { text: 'unmentioned', span } })),
      { maxLength: 2 },
    ),
    items: fc.array(item, { maxLength: 4 }),
    span: fc.constant(span),
  },
  { requiredKeys: ['imports', 'items', 'span'], ...optional },
) as fc.Arbitrary<Ast.Module>
