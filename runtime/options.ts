import { DeviceError } from './errors.js'

/** A rule for one option: the text of what it must be, or undefined if the value keeps the rule. */
export type OptionRule = (value: unknown) => string | undefined

const shown = (value: unknown): string => (typeof value === 'string' ? JSON.stringify(value) : String(value))

/**
 * Throws a {@link DeviceError} of kind `input` if an entry of `options` has no rule or breaks its rule;
 * `undefined` counts as absent. Without this check a misspelt option would be ignored in silence.
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
