import { randomBytes } from 'node:crypto'
import { harmless } from '../../compiler/diagnostics/harmless.js'

/**
 * A placeholder for the escape character in this program's own styles. It is random in each process, so that
 * no other text can contain it.
 */
const mark = `\u001b${randomBytes(8).toString('hex')}`

/**
 * Text in a style of ECMA-48's "select graphic rendition", such as `31` for red; {@link forTerminal} lets
 * this one through.
 */
export const styled = (style: string, text: string): string => `${mark}[${style}m${text}${mark}[0m`

/**
 * A text whose every escape sequence is this program's own, so that {@link forTerminal} lets them through.
 */
export const ownStyles = (text: string): string => text.replaceAll('\u001b', mark)

/** A text for a terminal, in which only this program's own styles act on the terminal. */
export const forTerminal = (text: string): string => text.split(mark).map(harmless).join('\u001b')
