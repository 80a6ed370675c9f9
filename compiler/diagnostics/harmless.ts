/**
 * What a terminal, or a reader's eye, takes for something else than text: controls, line and paragraph
 * separators, marks of direction.
 */
const unsafe = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

/** Whether a character does something on a terminal instead of being seen. */
export const isControl = (character: string): boolean => character.replace(unsafe, '') === ''

/**
 * Text of others so that it can be written to a terminal or a page: what would act there is shown as
 * `\u001b`. Line breaks and tabs stay. Inside a JSON text it means the same as before.
 */
export const harmless = (text: string): string =>
  text.replace(unsafe, c => (c === '\n' || c === '\t' ? c : escaped(c)))

/** {@link harmless} on one line: a line break is shown too. */
export const harmlessLine = (text: string): string => harmless(text).replaceAll('\n', '\\n')
