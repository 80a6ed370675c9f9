/**
 * Wrong programs that people write, each beside the messages that they get (`.txt`). The first comments of a
 * program say what was meant, which line must change, and how.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { renderDiagnostic } from '../../compiler/diagnostics/render.js'
import { corrected, errorsOf, type Grade, grade, wrongProgram } from './grade.js'

const folder = new URL('./', import.meta.url)
const programs = readdirSync(folder)
  .filter(file => file.endsWith('.jola'))
  .map(file => wrongProgram(file.slice(0, -'.jola'.length), readFileSync(new URL(file, folder), 'utf8')))
const grades = new Map(programs.map(program => [program.name, grade(program)]))

describe('a wrong program', () => {
  it.each(programs.map(p => [p.name, p] as const))('%s: its messages are these', async (name, program) => {
    const shown = errorsOf(name, program.text).map(d => {
      const fixes = (d.fixes ?? []).map(fix => `fix (${fix.sure ? 'sure' : 'maybe'}): ${fix.title}`)
      return [renderDiagnostic(d, { colour: false }), ...fixes].join('\n')
    })
    await expect(`${shown.join('\n\n')}\n`).toMatchFileSnapshot(`${name}.txt`)
  })

  it('is right as its author corrects it', () => {
    for (const program of programs) {
      const left = errorsOf(program.name, corrected(program)).map(d => d.title)
      expect({ name: program.name, left }).toEqual({ name: program.name, left: [] })
    }
  })

  it('is right after each fix that is called sure', () => {
    const misleading = [...grades].flatMap(([name, { misleading: m }]) => m.map(title => `${name}: ${title}`))
    expect(misleading).toEqual([])
  })
})

describe('the grades of all messages', () => {
  const failing = (part: keyof Grade): readonly string[] =>
    [...grades].filter(([, g]) => g[part] === false).map(([name]) => name)
  const share = (part: keyof Grade): number => 1 - failing(part).length / grades.size

  it('point at the line to change', () => expect(failing('line')).toEqual(['const-in-body']))

  it('show every place that matters', () => expect(failing('origins')).toEqual([]))

  it('say one thing at a time', () =>
    expect(failing('single')).toEqual(['const-in-body', 'swapped-arguments', 'wrong-order']))

  it('lead to the right edit', () => expect(share('edit')).toBeGreaterThanOrEqual(0.82))
})
