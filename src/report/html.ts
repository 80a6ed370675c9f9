import { harmless } from '../../compiler/diagnostics/harmless.js'

/**
 * Text escaped for elements and double-quoted attributes; control characters and direction marks are made
 * visible.
 */
export const escapeHtml = (text: string): string =>
  harmless(text).replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;')

/** A coordinate with at most two decimals. */
export const coordinate = (x: number): string => String(Math.round(x * 100) / 100)

/** A number for a reader: four significant digits, without trailing zeros. */
export const readable = (x: number): string => {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? 'not a number' : x > 0 ? '∞' : '−∞'
  const text = String(Number(x.toPrecision(4)))
  return text.replace('-', '−')
}

/** A share as a percentage with one decimal, as `53.4 %`. */
export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`
