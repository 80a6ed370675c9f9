import type { CoreExpr } from '../core/core.js'
import type { Size } from '../core/size.js'
import type { Label } from '../diagnostics/diagnostic.js'
import type { Span } from '../diagnostics/source.js'
import type { BodyContext } from './body-context.js'

const sameSpan = (a: Span, b: Span): boolean =>
  a.source === b.source && a.start === b.start && a.end === b.end

/** The labels without those that point at a place which an earlier label points at. */
export const distinctLabels = (labels: readonly Label[]): readonly Label[] =>
  labels.filter((l, i) => labels.findIndex(m => sameSpan(m.span, l.span)) === i)

/** A label for each place that fixed an unknown in some sizes. */
export const causeLabels = (cx: BodyContext, sizes: readonly Size[]): readonly Label[] =>
  sizes
    .flatMap(size => cx.solver.sizes.causesOf(size))
    .map(({ about, cause, value }) => ({
      span: cause.span,
      text:
        about.kind === 'instance' && cx.showSize(value) !== about.name
          ? `${cause.text}: its \`${about.name}\` is ${cx.showSize(value)}`
          : cause.text,
    }))

/** `with N = D, `: the sizes that a function or record in use has at this place. */
export const instanceSizes = (cx: BodyContext, sizes: readonly Size[]): string => {
  const known = sizes
    .flatMap(size => cx.solver.sizes.causesOf(size))
    .filter(({ about }) => about.kind === 'instance')
    .map(({ about, value }) => `${about.name} = ${cx.showSize(value)}`)
  return known.length === 0 ? '' : `with ${[...new Set(known)].join(', ')} `
}

/** The declaration of the variable or field that an expression reads, with its type. */
export const originOf = (cx: BodyContext, e: CoreExpr): Label | undefined => {
  switch (e.kind) {
    case 'var': {
      const local = cx.locals.get(e.id)
      if (local === undefined) return undefined
      return { span: local.span, text: `\`${local.name}\` is ${cx.show(local.type)}` }
    }
    case 'field': {
      const owner = cx.solver.head(e.target.type)
      const field = owner.kind === 'record' ? owner.record.fields.find(f => f.name === e.name) : undefined
      return field && { span: field.span, text: `\`${e.name}\` is ${cx.show(e.type)}` }
    }
    case 'read':
      return originOf(cx, e.target)
    default:
      return undefined
  }
}

/** {@link originOf} as a list of one label or none. */
export const originLabels = (cx: BodyContext, e: CoreExpr | undefined): readonly Label[] => {
  const origin = e && originOf(cx, e)
  return origin === undefined ? [] : [origin]
}
