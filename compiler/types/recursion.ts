import type { Diagnostic } from '../diagnostics/diagnostic.js'
import type { Span } from '../diagnostics/source.js'

/** The functions that each function uses, with the places. */
export type UseGraph = ReadonlyMap<string, ReadonlyMap<string, Span>>

/** Circles among functions: everything is inlined, so nothing can call itself. */
export const recursionErrors = (uses: UseGraph): readonly Diagnostic[] => {
  const errors: Diagnostic[] = []
  const done = new Set<string>()
  const path: string[] = []
  const visit = (id: string): void => {
    if (done.has(id)) return
    const open = path.indexOf(id)
    if (open >= 0) {
      const ring = path.slice(open)
      const shown = (n: string): string => n.split('.').at(-1) ?? n
      errors.push({
        code: 'E0212',
        title:
          ring.length === 1
            ? `\`${shown(id)}\` calls itself`
            : `\`${shown(id)}\` calls itself by way of ${ring
                .slice(1)
                .map(n => `\`${shown(n)}\``)
                .join(', ')}`,
        labels: ring.map((n, i) => {
          const next = ring[i + 1] ?? id
          return { span: uses.get(n)!.get(next)!, text: `\`${shown(n)}\` uses \`${shown(next)}\` here` }
        }),
        text: 'Functions are inlined where they are called.',
        hint: 'repeat with `fold`',
      })
      return
    }
    path.push(id)
    for (const next of uses.get(id)?.keys() ?? []) visit(next)
    path.pop()
    done.add(id)
  }
  for (const id of uses.keys()) visit(id)
  return errors
}
