import { readFileSync } from 'node:fs'
import * as E from 'fp-ts/lib/Either.js'
import { expect, test } from 'vitest'
import { codes } from '../../../compiler/codes.js'
import type { Diagnostic } from '../../../compiler/diagnostics/diagnostic.js'
import { renderDiagnostic } from '../../../compiler/diagnostics/render.js'
import { checkText } from './support.js'

const wrong = readFileSync(new URL('./fixtures/wrong.txt', import.meta.url), 'utf8')
  .split('---\n')
  .slice(1)

const refused = (text: string): readonly Diagnostic[] => {
  const result = checkText(text)
  if (E.isRight(result)) throw new Error(`this should not check:\n${text}`)
  return result.left
}

test('messages say what, where, why and what to do', async () => {
  const shown = wrong.map(text => {
    const messages = refused(text).map(d => renderDiagnostic(d, { colour: false }))
    return `SOURCE\n${text}RESULT\n${messages.join('\n\n')}\n`
  })
  await expect(shown.join('\n')).toMatchFileSnapshot('fixtures/wrong.result.txt')
})

test('every code is in the catalogue', () => {
  for (const d of wrong.flatMap(refused)) expect(codes).toHaveProperty(d.code)
})

test('labels point into the text, the first one into what is checked', () => {
  for (const d of wrong.flatMap(refused)) {
    expect(d.labels[0]!.span.source.name).toBe('example')
    for (const { span } of d.labels)
      expect(0 <= span.start && span.start <= span.end && span.end <= span.source.text.length).toBe(true)
  }
})
