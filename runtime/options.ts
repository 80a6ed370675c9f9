import { DeviceError } from './errors.js'

/** What an option must be, in words, if it is not. */
export type OptionRule = (value: unknown) => string | undefined

const shown = (value: unknown): string => (typeof value === 'string' ? JSON.stringify(value) : String(value))

/**
 * Throws a {@link DeviceError} of kind `input` where `options` has an entry that no rule is for, or whose
 * rule it breaks; an entry that is `undefined` counts as absent. What nobody reads would else be ignored in
 * silence.
 */
export const checkOptions = (
  of: string,
  options: object,
  rules: Readonly<Record<string, OptionRule>>,
): void => {
  const wrong =
    typeof options !== 'object' || options === null
      ? [`They are ${shown(options)}, no object.`]
      : Object.entries(options).flatMap(([name, value]) => {
          if (value === undefined) return []
          const rule = Object.hasOwn(rules, name) ? rules[name] : undefined
          if (rule === undefined) return [`There is no option \`${name}\`.`]
          const wanted = rule(value)
          return wanted === undefined ? [] : [`\`${name}\` must be ${wanted}, and is ${shown(value)}.`]
        })
  if (wrong.length > 0)
    throw new DeviceError('input', {
      what: `the options of ${of} are not all right`,
      why: wrong.join(' '),
      hint: `The options are: ${Object.keys(rules).join(', ')}.`,
    })
}
