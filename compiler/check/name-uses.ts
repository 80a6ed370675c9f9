import type {
  Binder,
  FieldDecl,
  FnItem,
  Item,
  Module,
  Name,
  Param,
  Path,
  Pattern,
  RecipeItem,
  SourceExpr,
  TestItem,
  TypeExpr,
} from '../syntax/ast.js'

/** What introduces a local name. */
export type LocalKind = 'let' | 'number parameter' | 'parameter' | 'index'

/** A local name, and whether anything reads it. */
export interface LocalName {
  readonly name: Name
  readonly kind: LocalKind
  used: boolean
}

/** The local names of a module, and the names that it reads and no local has. */
export interface NameUses {
  readonly locals: readonly LocalName[]
  /** Names and qualifiers, those in types and sizes too. */
  readonly read: ReadonlySet<string>
}

type Scope = ReadonlyMap<string, LocalName>

/** Finds what each name of a module is read by. It knows scopes and no types. */
export const nameUses = (module: Module): NameUses => {
  const walk = new NameWalk()
  for (const item of module.items) walk.item(item)
  return { locals: walk.locals, read: walk.read }
}

class NameWalk {
  readonly locals: LocalName[] = []
  readonly read = new Set<string>()

  item(item: Item): void {
    const none: Scope = new Map()
    switch (item.kind) {
      case 'size':
        if (item.definition !== undefined) this.expr(none, item.definition)
        return
      case 'type':
        return
      case 'const':
        if (item.type !== undefined) this.type(none, item.type)
        if (item.when !== undefined) this.mention(none, item.when.text)
        this.expr(none, item.value)
        return
      case 'record':
        this.fields(none, item.fields)
        return
      case 'fn':
        this.fn(none, item, paramKind)
        return
      case 'recipe':
        this.recipe(item)
        return
      case 'test':
        this.test(none, item)
        return
    }
  }

  private bind(scope: Scope, names: readonly Name[], kind: LocalKind): Scope {
    const made = names.map((name): LocalName => ({ name, kind, used: false }))
    this.locals.push(...made)
    return new Map([...scope, ...made.map(local => [local.name.text, local] as const)])
  }

  private mention(scope: Scope, text: string): void {
    const local = scope.get(text)
    if (local !== undefined) local.used = true
    else this.read.add(text)
  }

  private path(scope: Scope, { module, name }: Path): void {
    this.mention(scope, module?.text ?? name.text)
  }

  private fields(scope: Scope, fields: readonly FieldDecl[]): void {
    for (const field of fields) {
      this.type(scope, field.type)
      if (field.default !== undefined) this.expr(scope, field.default)
      for (const size of field.from?.shape ?? []) this.expr(scope, size)
      for (const { when } of field.from?.names ?? []) if (when !== undefined) this.mention(scope, when.text)
    }
  }

  private params(scope: Scope, params: readonly Param[], kind: (param: Param) => LocalKind): Scope {
    for (const param of params) {
      if (param.type !== undefined) this.type(scope, param.type)
      if (param.default !== undefined) this.expr(scope, param.default)
    }
    return params.reduce((inside, param) => this.bind(inside, [param.name], kind(param)), scope)
  }

  private fn(scope: Scope, item: FnItem, kind: (param: Param) => LocalKind): void {
    const { params, result, body } = item
    const inside = this.params(scope, params, kind)
    if (result !== undefined) this.type(scope, result)
    this.expr(inside, body)
  }

  /** Settings and methods are read by name from everywhere in the recipe, so they count as the module's. */
  private recipe({ params, settings, state, methods }: RecipeItem): void {
    const scope = this.params(new Map(), params, () => 'parameter')
    for (const setting of settings) this.expr(scope, setting.value)
    this.fields(scope, state)
    // The protocol gives the parameters of methods, so an unused one is no mistake.
    for (const method of methods) this.fn(scope, method, () => 'parameter')
  }

  private test(scope: Scope, { statements }: TestItem): void {
    let inside = scope
    for (const statement of statements)
      if (statement.kind === 'let') {
        if (statement.type !== undefined) this.type(inside, statement.type)
        this.expr(inside, statement.value)
        inside = this.bind(inside, namesIn(statement.pattern), 'let')
      } else
        for (const e of [statement.actual, statement.expected, statement.within])
          if (e !== undefined) this.expr(inside, e)
  }

  private type(scope: Scope, type: TypeExpr): void {
    switch (type.kind) {
      case 'named':
        this.path(scope, type.path)
        for (const { value } of type.args)
          if (value.kind === 'type') this.type(scope, value.type)
          else this.expr(scope, value.size)
        return
      case 'idx':
        this.expr(scope, type.bound)
        return
      case 'array':
        for (const dim of type.dims) this.expr(scope, dim)
        this.type(scope, type.element)
        return
      case 'tuple':
        for (const item of type.items) this.type(scope, item)
        return
      case 'fn':
        for (const param of type.params) this.type(scope, param)
        this.type(scope, type.result)
        return
      case 'per':
        this.type(scope, type.of)
        return
    }
  }

  private binders(scope: Scope, binders: readonly Binder[]): Scope {
    let inside = scope
    for (const binder of binders)
      if (binder.kind === 'product') inside = this.binders(inside, binder.parts)
      else {
        if (binder.range !== undefined) this.expr(inside, binder.range)
        inside = this.bind(inside, [binder.name], 'index')
      }
    return inside
  }

  private expr(scope: Scope, e: SourceExpr): void {
    switch (e.kind) {
      case 'number':
      case 'bool':
        return
      case 'name':
        this.path(scope, e.path)
        return
      case 'let':
        if (e.type !== undefined) this.type(scope, e.type)
        this.expr(scope, e.value)
        this.expr(this.bind(scope, namesIn(e.pattern), 'let'), e.body)
        return
      case 'for':
      case 'reduce':
        this.expr(this.binders(scope, e.binders), e.body)
        return
      case 'fold': {
        if (e.init !== undefined) this.expr(scope, e.init)
        else for (const name of namesIn(e.pattern)) this.mention(scope, name.text)
        const carried = this.bind(scope, namesIn(e.pattern), 'index')
        this.expr(this.binders(carried, [e.binder]), e.body)
        return
      }
      case 'lambda':
        this.expr(
          this.params(scope, e.params, () => 'parameter'),
          e.body,
        )
        return
      case 'record':
        if (e.type !== undefined) this.path(scope, e.type)
        if (e.base !== undefined) this.expr(scope, e.base)
        for (const field of e.fields) this.expr(scope, field.value)
        return
      default:
        for (const part of partsOf(e)) this.expr(scope, part)
    }
  }
}

/** The parts of an expression that binds nothing. */
const partsOf = (
  e: Exclude<
    SourceExpr,
    { kind: 'number' | 'bool' | 'name' | 'let' | 'for' | 'reduce' | 'fold' | 'lambda' | 'record' }
  >,
): readonly SourceExpr[] => {
  switch (e.kind) {
    case 'if':
      return [e.condition, e.then, e.otherwise]
    case 'call':
      return [e.callee, ...e.args]
    case 'index':
      return [e.target, ...e.at]
    case 'at':
      return [e.target, ...e.at, e.otherwise]
    case 'replace':
      return [e.target, ...e.at, e.value]
    case 'field':
      return [e.target]
    case 'binary':
      return [e.left, e.right]
    case 'unary':
      return [e.operand]
    case 'tuple':
    case 'array':
      return e.items
  }
}

const scalars: ReadonlySet<string> = new Set(['f32', 'i32', 'u32', 'bool', 'key'])

/** A number, a bool or a key has no sizes, so it can only be there to be read. */
const paramKind = ({ type }: Param): LocalKind =>
  type?.kind === 'named' && type.path.module === undefined && scalars.has(type.path.name.text)
    ? 'number parameter'
    : 'parameter'

const namesIn = (pattern: Pattern): readonly Name[] =>
  pattern.kind === 'name' ? [pattern.name] : pattern.items.flatMap(namesIn)
