import type { Diagnostic } from '../diagnostics/diagnostic.js'
import { idOf, lookup, type ModuleScope } from '../names/module-scopes.js'
import type { Name } from '../syntax/ast.js'

/**
 * The id of the `bool` constant that a `from … if name` means; undefined, and reported, where the name is
 * none.
 */
export const resolveCondition = (
  scope: ModuleScope,
  name: Name,
  report: (d: Diagnostic) => void,
): string | undefined => {
  const decl = lookup(scope, name.text)
  if (decl?.kind === 'const') {
    const { type } = decl.item
    if (type?.kind === 'named' && type.path.module === undefined && type.path.name.text === 'bool')
      return idOf(decl)
  }
  if (!scope.broken.has(name.text))
    report({
      code: 'E0206',
      title: `\`${name.text}\` is not a constant of type bool`,
      labels: [
        { span: name.span, text: 'says when the checkpoint or the configuration is read' },
        ...(decl === undefined ? [] : [{ span: decl.name.span, text: 'declared here' }]),
      ],
      hint: `declare \`const ${name.text}: bool = …\``,
    })
  return undefined
}
