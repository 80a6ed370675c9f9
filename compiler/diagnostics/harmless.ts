/**
 * Characters that a terminal, or a reader's eye, does not take for text: controls, line and paragraph
 * separators, and marks of direction.
 */
const unsafe = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

/** Whether a character acts on a terminal instead of being shown. */
export const isControl = (character: string): boolean => character.replace(unsafe, '') === ''

/**
 * Foreign text made safe for a terminal or a page: a character that would act there is written as `\u001b`.
 * Line breaks and tabs stay. JSON text keeps its meaning.
 */
export const harmless = (text: string): string =>
  text.replace(unsafe, c => (c === '\n' || c === '\t' ? c : escaped(c)))

/** {@link harmless} on one line: a line break is written as `\n`. */
export const harmlessLine = (text: string): string => harmless(text).replaceAll('\n', '\\n')
