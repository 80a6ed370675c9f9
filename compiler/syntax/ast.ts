import type { Span } from '../diagnostics/source.js'

/** A name as written, with its place. */
export interface Name {
  readonly text: string
  readonly span: Span
}

/** A possibly qualified name: `softmax`, `llama.Model`. */
export interface Path {
  readonly module?: Name
  readonly name: Name
  readonly span: Span
}

export interface Module {
  readonly doc?: string
  readonly imports: readonly ImportDecl[]
  readonly items: readonly Item[]
  readonly span: Span
}

/**
 * `import std.nn (softmax, dot)`, `import std.models.llama`, `import std.models.llama as lm`. Without a list
 * the last segment (or the alias) qualifies: `llama.Model`. Segments that do not begin with `std` are a path
 * from the importing file's folder.
 */
export interface ImportDecl {
  readonly segments: readonly Name[]
  readonly alias?: Name
  readonly names?: readonly Name[]
  readonly span: Span
}

export type Item = SizeItem | TypeItem | ConstItem | RecordItem | FnItem | RecipeItem | TestItem

/** `size L, H`, `size H = K * G`, `size E from "hidden_size"`. */
export interface SizeItem {
  readonly kind: 'size'
  readonly names: readonly Name[]
  readonly definition?: SourceExpr
  readonly from?: ConfigExpr
  readonly doc?: string
  readonly span: Span
}

/** `type P`: any record of `f32` tensors, as a parameter of the functions and records that mention it. */
export interface TypeItem {
  readonly kind: 'type'
  readonly name: Name
  readonly doc?: string
  readonly span: Span
}

/**
 * `const eps: f32 = 1e-5 from "rms_norm_eps" > 0 if normed`: the value, unless the model's config has the
 * entry. It is read only where `when`, a `bool` constant of the module, is true. `const rotation: plain |
 * llama3 = plain` has a closed set of choices, and then no type.
 */
export interface ConstItem {
  readonly kind: 'const'
  readonly name: Name
  readonly type?: TypeExpr
  readonly choices?: readonly Name[]
  readonly value: SourceExpr
  readonly from?: ConfigExpr
  readonly when?: Name
  readonly doc?: string
  readonly span: Span
}

export interface RecordItem {
  readonly kind: 'record'
  readonly name: Name
  readonly fields: readonly FieldDecl[]
  readonly doc?: string
  readonly span: Span
}

/** `wk, wv: f32[K, D, E] from "…"` is parsed into one Field a name. `from` names the checkpoint's tensor. */
export interface FieldDecl {
  readonly name: Name
  readonly type: TypeExpr
  /** The value of the field where a record literal leaves it out. */
  readonly default?: SourceExpr
  readonly from?: TensorSource
  readonly doc?: string
  readonly span: Span
}

/**
 * `from "self_attn.q_proj.bias" if biased as [H * D] else 0`: the tensor's name (`{}` stands for the index of
 * an array of records; a record field's names are prefixed by its parent's `from`), other names to try, the
 * shape that the checkpoint stores it in where that differs from the field's, at last a constant to fill
 * with.
 */
export interface TensorSource {
  readonly names: readonly TensorName[]
  readonly shape?: readonly SourceExpr[]
  readonly fill?: number
  readonly span: Span
}

/**
 * A tensor's name in a checkpoint; with `when`, a `bool` constant of the module, it is the name where that is
 * true and none where it is false.
 */
export interface TensorName {
  readonly text: string
  readonly when?: Name
}

/**
 * Arithmetic over entries of `config.json`: strings are dotted paths. `or` joins names of one entry, which
 * agree where both are there; `else` tries the next; `is` compares with a word and knows those behind `not`
 * as false; `> 0` and `>= 0` bound a number; `floor(…)` rounds down; `refuse` is for what has no default.
 */
export type ConfigExpr =
  | { readonly kind: 'entry'; readonly path: string; readonly span: Span }
  | { readonly kind: 'number'; readonly value: number; readonly span: Span }
  | { readonly kind: 'refuse'; readonly span: Span }
  | {
      readonly kind: 'binary'
      readonly op: '+' | '-' | '*' | '/'
      readonly left: ConfigExpr
      readonly right: ConfigExpr
      readonly span: Span
    }
  | { readonly kind: 'floor'; readonly left: ConfigExpr; readonly span: Span }
  | { readonly kind: 'or'; readonly left: ConfigExpr; readonly right: ConfigExpr; readonly span: Span }
  /** `is "a" not "b"`; a `text` of null is `is null`. */
  | {
      readonly kind: 'is'
      readonly left: ConfigExpr
      readonly text: string | null
      readonly not: readonly string[]
      readonly span: Span
    }
  | {
      readonly kind: 'bound'
      readonly left: ConfigExpr
      readonly op: '>' | '>='
      readonly least: number
      readonly span: Span
    }
  | { readonly kind: 'else'; readonly left: ConfigExpr; readonly right: ConfigExpr; readonly span: Span }

export interface Param {
  readonly name: Name
  readonly type?: TypeExpr
  readonly default?: SourceExpr
  readonly span: Span
}

export interface FnItem {
  readonly kind: 'fn'
  readonly name: Name
  readonly params: readonly Param[]
  readonly result?: TypeExpr
  readonly body: SourceExpr
  readonly doc?: string
  readonly span: Span
}

/** A record of pure functions and named settings; `state` is what training changes. */
export interface RecipeItem {
  readonly kind: 'recipe'
  readonly name: Name
  readonly params: readonly Param[]
  readonly settings: readonly SettingDecl[]
  readonly state: readonly FieldDecl[]
  readonly methods: readonly FnItem[]
  readonly doc?: string
  readonly span: Span
}

/**
 * `setting rate = 5e-3`; `setting objective: paper | reference = paper` has a closed set of choices;
 * `setting R: size = 8` is a size of the recipe.
 */
export interface SettingDecl {
  readonly name: Name
  readonly size?: true
  readonly choices?: readonly Name[]
  readonly value: SourceExpr
  readonly doc?: string
  readonly span: Span
}

/** `test "…" { let … expect a == b within 1e-6 }`. */
export interface TestItem {
  readonly kind: 'test'
  readonly title: string
  readonly statements: readonly TestStatement[]
  readonly span: Span
}

export type TestStatement =
  | {
      readonly kind: 'let'
      readonly pattern: Pattern
      readonly type?: TypeExpr
      readonly value: SourceExpr
      readonly span: Span
    }
  /** Without `expected` the actual value must be true. Without `within` the two must be equal. */
  | {
      readonly kind: 'expect'
      readonly actual: SourceExpr
      readonly expected?: SourceExpr
      readonly within?: SourceExpr
      readonly span: Span
    }

export type TypeExpr =
  /**
   * `f32`, `key`, a record, a type parameter; with arguments `Edits(H = K * G)`, `adamw.Moments(P = Edits)`.
   */
  | { readonly kind: 'named'; readonly path: Path; readonly args: readonly TypeArg[]; readonly span: Span }
  /** `idx[V]`. */
  | { readonly kind: 'idx'; readonly bound: SourceExpr; readonly span: Span }
  /** `base[A, B]`: a tensor, or an array of records. */
  | {
      readonly kind: 'array'
      readonly element: TypeExpr
      readonly dims: readonly SourceExpr[]
      readonly span: Span
    }
  | { readonly kind: 'tuple'; readonly items: readonly TypeExpr[]; readonly span: Span }
  | {
      readonly kind: 'fn'
      readonly params: readonly TypeExpr[]
      readonly result: TypeExpr
      readonly span: Span
    }
  /** `f32 per P`: an `f32` for each tensor of the record P (one `f32` will do for all). */
  | { readonly kind: 'per'; readonly of: TypeExpr; readonly span: Span }

/** The value is parsed as a type; a size expression appears as `size`. */
export interface TypeArg {
  readonly name: Name
  readonly value:
    | { readonly kind: 'type'; readonly type: TypeExpr }
    | { readonly kind: 'size'; readonly size: SourceExpr }
  readonly span: Span
}

export type Pattern =
  | { readonly kind: 'name'; readonly name: Name; readonly span: Span }
  | { readonly kind: 'tuple'; readonly items: readonly Pattern[]; readonly span: Span }

/** Which values of its carry a loop gives: `fold` the last one, `scan` that of each iteration. */
export type Kept = 'last' | 'all'

/** From which end of its index a loop begins. */
export type Direction = 'up' | 'down'

/** `t`, `t: T`, `(j, g)`: an index a comprehension, a reduction or a fold binds. */
export type Binder =
  | { readonly kind: 'index'; readonly name: Name; readonly range?: SourceExpr; readonly span: Span }
  | { readonly kind: 'product'; readonly parts: readonly Binder[]; readonly span: Span }

export type ReducerName = 'sum' | 'mean' | 'prod' | 'max' | 'min' | 'argmax' | 'argmin' | 'any' | 'all'
export type BinaryOp =
  | '+'
  | '-'
  | '*'
  | '/'
  | '%'
  | '^'
  | '=='
  | '!='
  | '<'
  | '<='
  | '>'
  | '>='
  | 'and'
  | 'or'

export type SourceExpr =
  | {
      readonly kind: 'number'
      readonly value: number /** Written with neither point nor exponent. */
      readonly integer: boolean
      readonly span: Span
    }
  | { readonly kind: 'bool'; readonly value: boolean; readonly span: Span }
  | { readonly kind: 'name'; readonly path: Path; readonly span: Span }
  | {
      readonly kind: 'let'
      readonly pattern: Pattern
      readonly type?: TypeExpr
      readonly value: SourceExpr
      readonly body: SourceExpr
      readonly span: Span
    }
  | {
      readonly kind: 'if'
      readonly condition: SourceExpr
      readonly then: SourceExpr
      readonly otherwise: SourceExpr
      readonly span: Span
    }
  | {
      readonly kind: 'for'
      readonly binders: readonly Binder[]
      readonly body: SourceExpr
      readonly span: Span
    }
  | {
      readonly kind: 'reduce'
      readonly op: ReducerName
      readonly binders: readonly Binder[]
      readonly body: SourceExpr
      readonly span: Span
    }
  /**
   * `fold x for l -> e` and `fold (a, b) = init for l: N -> e`; without `init` the names are their own
   * initial values. `scan` keeps the values of all iterations, and `for l down` begins with the last index.
   */
  | {
      readonly kind: 'fold'
      readonly keeps: Kept
      readonly direction: Direction
      readonly pattern: Pattern
      readonly init?: SourceExpr
      readonly binder: Binder
      readonly body: SourceExpr
      readonly span: Span
    }
  | {
      readonly kind: 'lambda'
      readonly params: readonly Param[]
      readonly body: SourceExpr
      readonly span: Span
    }
  | {
      readonly kind: 'call'
      readonly callee: SourceExpr
      readonly args: readonly SourceExpr[]
      readonly span: Span
    }
  /** `x[t, (k, g)]`: an index is an expression; a tuple is a product index. */
  | {
      readonly kind: 'index'
      readonly target: SourceExpr
      readonly at: readonly SourceExpr[]
      readonly span: Span
    }
  /** `x.at(i, j, else: v)`. */
  | {
      readonly kind: 'at'
      readonly target: SourceExpr
      readonly at: readonly SourceExpr[]
      readonly otherwise: SourceExpr
      readonly span: Span
    }
  /** `x with [i, j] = v`. */
  | {
      readonly kind: 'replace'
      readonly target: SourceExpr
      readonly at: readonly SourceExpr[]
      readonly value: SourceExpr
      readonly span: Span
    }
  /**
   * `r.field`; a qualified name parses as this too when its first part is not an import: names are resolved
   * later.
   */
  | { readonly kind: 'field'; readonly target: SourceExpr; readonly field: Name; readonly span: Span }
  | {
      readonly kind: 'binary'
      readonly op: BinaryOp
      readonly left: SourceExpr
      readonly right: SourceExpr
      readonly span: Span
    }
  | { readonly kind: 'unary'; readonly op: '-' | 'not'; readonly operand: SourceExpr; readonly span: Span }
  | { readonly kind: 'tuple'; readonly items: readonly SourceExpr[]; readonly span: Span }
  /** `[1, 2, 3]`, nested for more axes. */
  | { readonly kind: 'array'; readonly items: readonly SourceExpr[]; readonly span: Span }
  /** `{ edits, loss: x }`, `Edits { … }`, and `s with { edits: e }` when `base` is there. */
  | {
      readonly kind: 'record'
      readonly type?: Path
      readonly base?: SourceExpr
      readonly fields: readonly { readonly name: Name; readonly value: SourceExpr }[]
      readonly span: Span
    }
