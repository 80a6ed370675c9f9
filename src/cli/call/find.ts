import type { CoreExpr, CoreFn, CoreParam } from '../../../compiler/core/core.js'
import { holdsFunction } from '../../../compiler/core/type.js'
import { nearest } from '../../../compiler/names/suggest.js'
import { isGiven } from '../../../compiler/specialise/parameters.js'
import { UserError } from '../../errors/user-error.js'
import type { LoadedProgram } from '../../folders/load-program.js'

/** A list for a message, cut after a few. */
export const someOf = (names: Iterable<string>, most = 12): string => {
  const all = [...names]
  return all.length === 0
    ? 'none'
    : `${all.slice(0, most).join(', ')}${all.length > most ? ` and ${all.length - most} more` : ''}`
}

/**
 * A function of a program's first module that can be called from outside. Throws a `UserError` if there is
 * none of the name, if a parameter is a function without a default, or if it is generic over types.
 */
export const findFunction = (loaded: LoadedProgram, file: string, name: string): CoreFn => {
  const module = loaded.program.modules.get(loaded.modules[0]!)
  const id = module?.fns.get(name)
  const fn = id === undefined ? undefined : loaded.program.fns.get(id)
  if (module === undefined || fn === undefined) {
    const names = [...(module?.fns.keys() ?? [])]
    const meant = nearest(name, names)
    throw new UserError({
      what: module?.recipes.has(name) ? `\`${name}\` is a recipe` : `there is no function \`${name}\``,
      where: file,
      why: `its functions are: ${someOf(names, 30)}`,
      hint: module?.recipes.has(name)
        ? `run it with jola train ${file}`
        : meant === undefined
          ? 'name one of them by --fn'
          : `did you mean ${meant}?`,
      exitCode: 2,
    })
  }
  const unbound = fn.params.filter(p => !isGiven(p) && p.default === undefined)
  const gives = holdsFunction(fn.result)
  if (unbound.length > 0 || fn.types.length > 0 || gives)
    throw new UserError({
      what: `\`${name}\` cannot be called from the command line`,
      where: file,
      why: [
        ...unbound.map(p => `its parameter \`${p.name}\` is or holds a function and has no default`),
        ...(gives ? ['it gives back functions'] : []),
        ...(fn.types.length > 0 ? [`it works for any type ${fn.types.join(', ')}`] : []),
      ].join('; '),
      hint: `write a function that calls \`${name}\` with what you want, and name that`,
      exitCode: 2,
    })
  return fn
}

/** A function with some parameters set to their defaults: they become `let`s of its body. */
export const withDefaults = (fn: CoreFn, settled: readonly CoreParam[]): CoreFn => ({
  ...fn,
  params: fn.params.filter(p => !settled.includes(p)),
  body: settled.reduceRight<CoreExpr>(
    (body, p) =>
      p.default === undefined
        ? body
        : {
            kind: 'let',
            pattern: { kind: 'name', id: p.id, name: p.name, type: p.type },
            value: p.default,
            body,
            type: body.type,
            span: body.span,
          },
    fn.body,
  ),
})
