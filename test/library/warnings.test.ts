import { join } from 'node:path'
import { expect, test } from 'vitest'
import { stdlibFolder } from '../../src/files/stdlib-folder.js'
import { checkFiles, programFiles } from '../../src/folders/check-files.js'

test('the standard library and the examples have neither errors nor warnings', () => {
  const files = programFiles([stdlibFolder, join(stdlibFolder, '..', 'examples')])
  expect(files.length).toBeGreaterThan(30)
  expect(checkFiles(files).map(d => `${d.labels[0]?.span.source.name}: ${d.title}`)).toEqual([])
})
