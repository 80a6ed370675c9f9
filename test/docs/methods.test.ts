import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { stdlibFolder } from '../../src/files/stdlib-folder.js'
import { pageText } from './examples.js'

it('docs/methods.md counts the lines of each method’s files as they are', () => {
  const rows = pageText('methods.md')
    .split('\n')
    .map(line => line.split('|').map(cell => cell.trim()))
    .filter(cells => cells.length === 8 && cells[5]!.includes('.jola'))
  expect(rows.length).toBeGreaterThan(7)
  for (const [, method, , , , files, lines] of rows) {
    const counts = [...files!.matchAll(/`([\w/]+\.jola)`/g)].map(
      ([, file]) => readFileSync(join(stdlibFolder, file!), 'utf8').trimEnd().split('\n').length,
    )
    expect({ method, lines }).toEqual({ method, lines: counts.join(' + ') })
  }
})
