import type { CoreRecipe, CoreSetting, Program } from '../core/core.js'
import { variablesIn } from '../core/variables.js'
import type { Diagnostic } from '../diagnostics/diagnostic.js'
import { settingDefault } from '../specialise/specialise.js'

/** The settings that training reads itself and that count something: each is a whole number of at least 1. */
export const countedSettings = ['epochs', 'batch', 'patience', 'context'] as const

const says = (s: CoreSetting, title: string, hint: string): Diagnostic => ({
  code: 'E0354',
  title,
  labels: [{ span: s.value.span, text: 'its default' }],
  text: s.isSize ? 'The state has axes of this size.' : `Training reads \`${s.name}\` itself.`,
  hint,
})

/**
 * The defaults that training could not begin with, sizes below 1 among them, and settings that nothing reads.
 */
export const settingErrors = (program: Program): readonly Diagnostic[] =>
  [...program.recipes.values()].flatMap(recipe => [
    ...recipe.settings.flatMap(s => settingError(program, recipe, s)),
    ...unread(recipe),
  ])

/** Settings that change nothing: neither a method reads them nor training. */
const unread = (recipe: CoreRecipe): readonly Diagnostic[] => {
  const read = new Set([...recipe.methods.values()].flatMap(m => [...variablesIn(m.body)]))
  const ofTraining = new Set<string>([...countedSettings, 'end_of_text'])
  return recipe.settings
    .filter(s => !s.isSize && !read.has(s.id) && !ofTraining.has(s.name))
    .map(s => ({
      code: 'E0362',
      title: `nothing reads the setting \`${s.name}\` of \`${recipe.name}\``,
      labels: [{ span: s.span, text: 'declared here' }],
      text: 'Whoever set it would change nothing.',
      hint: 'read it in a method, or leave it out',
    }))
}

const settingError = (program: Program, recipe: CoreRecipe, s: CoreSetting): readonly Diagnostic[] => {
  const dtype = s.type.kind === 'scalar' ? s.type.dtype : undefined
  const owner = `the setting \`${s.name}\` of \`${recipe.name}\``
  if (s.name === 'end_of_text' && dtype !== 'bool')
    return [says(s, `${owner} is true or false`, 'write `setting end_of_text = true`')]
  if (!s.isSize && !countedSettings.some(n => n === s.name)) return []
  const value = dtype === 'i32' ? settingDefault(program, s) : undefined
  return typeof value === 'number' && value >= 1
    ? []
    : [
        says(
          s,
          `${owner} is a whole number of at least 1`,
          s.isSize
            ? `write \`setting ${s.name}: size = 8\``
            : `write \`setting ${s.name} = 5\`, or give it another name`,
        ),
      ]
}
