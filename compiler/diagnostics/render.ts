/**
 * Diagnostics as text. The layout is that of rustc: the code and title, the lines of source with marks under
 * the places that matter, why, and what to do.
 *
 *     error[E0205]: there is no variable, function or constant `sqr`
 *      --> example:1:24
 *       |
 *     1 | fn f(x: f32) -> f32 = sqr(x)
 *       |                       ^^^ not known here
 *       |
 *     help: did you mean `sqrt`?
 *
 * `excerpt.ts` cuts lines out of the source, `underline.ts` draws the marks. Nothing that a program contains
 * can act on the terminal (`harmless.ts`).
 */
import { type Diagnostic, type Label, type Severity, severityOf } from './diagnostic.js'
import { excerpt } from './excerpt.js'
import { harmless, harmlessLine } from './harmless.js'
import { positionOf, type Source, type Span } from './source.js'
import { underlines } from './underline.js'

const styles = {
  error: '1;31',
  warning: '1;33',
  secondary: '1;34',
  frame: '34',
  bold: '1',
  help: '1;32',
} as const

/** The width to which long texts are broken, if the reader has no narrower screen. */
const measure = 100

/** The narrowest screen for which texts are broken. */
const narrowest = 40

/** How a diagnostic is shown. */
export interface RenderOptions {
  readonly colour: boolean
  /** Columns of the screen, if they are known. Lines of source are never broken. */
  readonly width?: number | undefined
}

/**
 * A diagnostic for people. The file of the first label comes first. The text ends without a line break.
 */
export const renderDiagnostic = (diagnostic: Diagnostic, options: RenderOptions): string => {
  const severity = severityOf(diagnostic)
  const width = Math.min(measure, Math.max(narrowest, options.width ?? measure))
  const paint = (style: keyof typeof styles, text: string): string =>
    options.colour && text !== '' ? `\u001b[${styles[style]}m${text}\u001b[0m` : text

  const files = bySource(diagnostic.labels)
  const excerpts = files.map(labels => ({
    labels,
    source: labels[0]!.span.source,
    lines: excerpt(
      labels[0]!.span.source,
      labels.map(label => ({
        label: { ...label, text: harmlessLine(label.text) },
        primary: label === diagnostic.labels[0],
      })),
    ),
  }))
  const gutter = Math.max(1, ...excerpts.flatMap(e => e.lines.map(l => String(l.number).length)))
  const bar = paint('frame', `${' '.repeat(gutter)} |`)

  const shown = excerpts.flatMap(({ labels, source, lines }, index) => {
    const { line, column } = positionOf(source, labels[0]!.span.start)
    const arrow = paint('frame', `${' '.repeat(gutter)}${index === 0 ? '-->' : ':::'}`)
    const body = lines.flatMap((shownLine, at) => {
      const before = lines[at - 1]
      const gap = before && shownLine.number > before.number + 1 ? [paint('frame', '...')] : []
      const number = paint('frame', `${String(shownLine.number).padStart(gutter)} |`)
      const marks = underlines(shownLine.marks, (text, primary) =>
        paint(primary ? severity : 'secondary', text),
      )
      return [...gap, `${number} ${shownLine.text}`.trimEnd(), ...marks.map(row => `${bar} ${row}`)]
    })
    return [
      `${arrow} ${harmlessLine(source.name)}:${line}:${column}`,
      bar,
      ...body,
      ...(index < excerpts.length - 1 ? [bar] : []),
    ]
  })

  return [
    paint(severity, `${severity}[${diagnostic.code}]`) + paint('bold', `: ${harmlessLine(diagnostic.title)}`),
    ...shown,
    ...note({ text: diagnostic.text, before: shown.length > 0 ? [bar] : [], width }),
    ...note({
      text: diagnostic.hint,
      head: 'help: ',
      before: diagnostic.text === undefined && shown.length > 0 ? [bar] : [],
      width,
      finish: text => text.replace(/^help:/, `${paint('help', 'help')}:`),
    }),
  ].join('\n')
}

interface Note {
  readonly text: string | undefined
  readonly before: readonly string[]
  readonly width: number
  readonly head?: string
  readonly finish?: (text: string) => string
}

const note = ({ text, before, width, head = '', finish = t => t }: Note): readonly string[] => {
  if (text === undefined) return []
  const lines = harmless(text)
    .split('\n')
    .flatMap(line => (/^\s/.test(line) ? [line] : wrap(line, width - head.length)))
  const indent = ' '.repeat(head.length)
  return [...before, ...lines.map((line, at) => (at === 0 ? finish(head + line) : indent + line))]
}

const wrap = (line: string, width: number): readonly string[] => {
  const lines: string[] = ['']
  for (const word of line.split(' ')) {
    const current = lines.at(-1)!
    if (current !== '' && current.length + 1 + word.length > width) lines.push(word)
    else lines[lines.length - 1] = current === '' ? word : `${current} ${word}`
  }
  return lines
}

/** The labels of each source, sources in the order in which they are first mentioned. */
const bySource = (labels: readonly Label[]): readonly (readonly Label[])[] => {
  const files = new Map<Source, Label[]>()
  for (const label of labels) {
    const known = [...files.keys()].find(
      s => s.name === label.span.source.name && s.text === label.span.source.text,
    )
    if (known) files.get(known)!.push(label)
    else files.set(label.span.source, [label])
  }
  return [...files.values()]
}

/**
 * A diagnostic for programs. Lines and columns count from one; columns count UTF-16 units; ends are
 * exclusive.
 */
export interface DiagnosticJson {
  readonly severity: Severity
  readonly code: string
  readonly title: string
  readonly text?: string
  readonly hint?: string
  readonly labels: readonly (PlaceJson & { readonly text: string })[]
  /** The likeliest first; without one, the list is empty. */
  readonly fixes: readonly {
    readonly title: string
    readonly sure: boolean
    readonly edits: readonly (PlaceJson & { readonly text: string })[]
  }[]
}

/** A span for programs. */
export interface PlaceJson {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly endLine: number
  readonly endColumn: number
}

const placeToJson = (span: Span): PlaceJson => {
  const start = positionOf(span.source, span.start)
  const end = positionOf(span.source, span.end)
  return {
    file: span.source.name,
    line: start.line,
    column: start.column,
    endLine: end.line,
    endColumn: end.column,
  }
}

/** A diagnostic as `--json` prints it. */
export const diagnosticToJson = (diagnostic: Diagnostic): DiagnosticJson => ({
  severity: severityOf(diagnostic),
  code: diagnostic.code,
  title: diagnostic.title,
  ...(diagnostic.text !== undefined && { text: diagnostic.text }),
  ...(diagnostic.hint !== undefined && { hint: diagnostic.hint }),
  labels: diagnostic.labels.map(({ span, text }) => ({ ...placeToJson(span), text })),
  fixes: (diagnostic.fixes ?? []).map(({ title, sure, edits }) => ({
    title,
    sure,
    edits: edits.map(edit => ({ ...placeToJson(edit.span), text: edit.text })),
  })),
})
