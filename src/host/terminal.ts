import { randomBytes } from 'node:crypto'
import { harmless } from '../../compiler/diagnostics/harmless.js'

/**
 * Stands for the escape character of this program's own styles. No text from elsewhere can hold it, since it
 * is drawn anew in each process.
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

/** What is written to a terminal: nothing in it acts on the terminal except this program's own styles. */
export const forTerminal = (text: string): string => text.split(mark).map(harmless).join('\u001b')
