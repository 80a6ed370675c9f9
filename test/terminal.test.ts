import { describe, expect, it } from 'vitest'
import { renderDiagnostic } from '../compiler/diagnostics/render.js'
import { renderUserError, UserError } from '../src/errors/user-error.js'
import { startProgress } from '../src/host/progress.js'
import { forTerminal, ownStyles, styled } from '../src/host/terminal.js'
import { escapeHtml } from '../src/report/html.js'

/** Sets a window's title, clears the screen, makes a link, turns text around, and overwrites its line. */
const nasty = 'a\u001b]0;t\u0007\u009b2J\u001b]8;;x\u001b\\\u202eb\u2066\u2028\r\u007fc'
const acting = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u

describe('text from elsewhere', () => {
  it('acts on no terminal: what would is shown, line breaks and tabs stay', () => {
    expect(forTerminal('a\n\tb é 你 🙂\u200d')).toBe('a\n\tb é 你 🙂\u200d')
    expect(forTerminal('\u001b[2J\r\u009b\u202e')).toBe('\\u001b[2J\\u000d\\u009b\\u202e')
    expect(forTerminal(nasty)).not.toMatch(acting)
  })

  it('in a style of ours stays harmless, and can not write such a style itself', () => {
    expect(forTerminal(styled('31', `\u001b[32m`))).toBe('\u001b[31m\\u001b[32m\u001b[0m')
    expect(forTerminal('\u001b[31mred')).toBe('\\u001b[31mred')
    expect(forTerminal(ownStyles('\u001b[31mred'))).toBe('\u001b[31mred')
  })

  it('means the same in JSON', () => {
    expect(JSON.parse(forTerminal(JSON.stringify({ text: nasty })))).toEqual({ text: nasty })
  })

  it('is shown in errors on lines of their own, and not at any length', () => {
    const error = new UserError({
      what: `${nasty}\nerror: x`,
      where: nasty,
      why: `a\nerror: ${nasty}`,
      hint: nasty,
    })
    expect(renderUserError(error).split('\n')).toHaveLength(5)
    expect(renderUserError(error)).not.toMatch(/\nerror|\p{Bidi_Control}|(?!\n)\p{Cc}/u)
    const long = renderUserError(new UserError({ what: `the tensor '${'a'.repeat(10_000_000)}'` }))
    expect(long.length).toBeLessThan(5000)
  })

  it('is shown in diagnostics: the name of a file, titles, labels, notes and the excerpt', () => {
    const source = { name: nasty, text: `let ${nasty} = 1` }
    const labels = [{ span: { source, start: 4, end: 8 }, text: nasty }]
    const shown = renderDiagnostic(
      { code: 'E0101', title: nasty, labels, text: nasty, hint: nasty },
      { colour: false },
    )
    expect(shown.replaceAll('\n', '')).not.toMatch(acting)
  })

  it('is shown in progress, whose own controls stay', () => {
    let written = ''
    const output = { isTTY: false, write: (text: string) => (written += text) }
    const bar = startProgress({ label: nasty, total: 2, output })
    bar.update(1, { [nasty]: 1, now: nasty })
    bar.note(nasty)
    bar.finish()
    expect(written.replaceAll('\n', '')).not.toMatch(acting)
  })

  it('is shown in the page of a report', () => {
    expect(escapeHtml(`<b title="x">\u202e${nasty}`)).not.toMatch(acting)
    expect(escapeHtml('a\n<b>')).toBe('a\n&lt;b&gt;')
  })
})
