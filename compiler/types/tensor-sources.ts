import type { Size } from '../core/size.js'
import { multiplySizes, sameSize, sizeConstant, sizeNamesIn, sizeText } from '../core/size.js'
import type { RecordField, StoredName, Type } from '../core/type.js'
import type { FieldDecl, Name, TensorSource } from '../syntax/ast.js'
import { errorSize, isError } from './basic-types.js'
import type { TypeScope } from './resolve-type.js'
import { resolveSize } from './size-expr.js'

const elements = (dims: readonly Size[]): Size => dims.reduce(multiplySizes, sizeConstant(1))

const unknown = (p: Size): boolean => sizeNamesIn(p).some(n => sizeNamesIn(errorSize).includes(n))

/** The sizes as written in source, after their definitions: `[G * K, 2 * R]`. */
const list = (dims: readonly Size[]): string => `[${dims.map(sizeText).join(', ')}]`

/**
 * Where a field's tensor is in a checkpoint. Reports a stored shape (`as [H * D, E]`) that has not as many
 * elements as the field for all values of the sizes, and one on a field that is no tensor. `condition` gives
 * the id of the constant that a name's `if` means.
 */
export const resolveTensorSource = (
  from: TensorSource,
  { field, type }: { readonly field: FieldDecl; readonly type: Type },
  ts: Pick<TypeScope, 'size' | 'report'>,
  condition: (name: Name) => string | undefined,
): NonNullable<RecordField['from']> => {
  const names = from.names.map(({ text, when }): StoredName => {
    const id = when && condition(when)
    return { name: text, ...(id !== undefined && { when: id }) }
  })
  const source = { names, ...(from.fill !== undefined && { fill: from.fill }) }
  if (from.shape === undefined) return source
  const shape = from.shape.map(e => resolveSize(e, ts.size, ts.report))
  const written = { ...from.span, start: from.shape[0]!.span.start, end: from.shape.at(-1)!.span.end }
  if (isError(type) || shape.some(unknown)) return source
  const dims = type.kind === 'tensor' ? type.dims : []
  if (type.kind !== 'tensor' && type.kind !== 'scalar') {
    ts.report({
      code: 'E0314',
      title: `\`${field.name.text}\` is not a tensor, so it is stored in no shape`,
      labels: [
        { span: written, text: 'a shape for one tensor of the checkpoint' },
        { span: field.type.span, text: 'holds several tensors' },
      ],
      hint: "write `as […]` beside the tensors among the record's own fields",
    })
    return source
  }
  if (dims.some(unknown) || sameSize(elements(shape), elements(dims))) return { ...source, shape }
  ts.report({
    code: 'E0314',
    title:
      `\`${field.name.text}\` is stored as ${list(shape)}, ` +
      `which has another number of elements than ${list(dims)}`,
    labels: [
      { span: written, text: `${sizeText(elements(shape))} elements` },
      { span: field.type.span, text: `${sizeText(elements(dims))} elements` },
    ],
    hint: 'the stored shape only joins or divides axes: the numbers and their order stay as they are',
  })
  return source
}
