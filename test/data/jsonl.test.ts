import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { renderUserError } from '../../src/errors/user-error.js'
import { readRecords } from '../../src/folders/open-data.js'
import { topLevelItems } from '../../src/json/json-values.js'
import { temporaryFile } from '../support/temporary.js'
import { userError } from '../support/user-error.js'

const read = async (content: string | Uint8Array) => {
  const records = await readRecords(await temporaryFile('train.json', content))
  return records.map(({ value, line }) => [line, value])
}

const refusal = async (content: string | Uint8Array) =>
  renderUserError(await userError(temporaryFile('train.json', content).then(readRecords)))

describe('a data file', () => {
  it('is read line by line, with the numbers of its lines', async () => {
    expect(await read('{"a": 1}\n\n  {"a": "x\\ny"}\r\n')).toEqual([
      [1, { a: 1 }],
      [3, { a: 'x\ny' }],
    ])
    expect(await read('')).toEqual([])
    expect(await read('\uFEFF{"a": 1}')).toEqual([[1, { a: 1 }]])
  })

  it('may be an array, spread over lines', async () => {
    const text = '\n[\n  {"a": "],"},\n  {\n    "b": [1, {"c": 2}]\n  }\n]\n'
    expect(await read(text)).toEqual([
      [3, { a: '],' }],
      [4, { b: [1, { c: 2 }] }],
    ])
    expect(await read('[]')).toEqual([])
  })

  it('may be compressed', async () => {
    expect(await read(gzipSync('{"a": 1}\n{"a": 2}'))).toEqual([
      [1, { a: 1 }],
      [2, { a: 2 }],
    ])
  })

  it('is refused with file and line', async () => {
    expect(await refusal('{"a": 1}\n{"a": \n')).toMatch(/not JSON\n.*train\.json:2\n/)
    expect(await refusal('{"a": 1}\n7')).toMatch(/not an object\n.*train\.json:2\n.*it is 7/)
    expect(await refusal('[{"a": 1},\n\n{"a" 2}]')).toMatch(/not JSON\n.*train\.json:3\n/)
    expect(await refusal('[{"a": 1},\n]')).toMatch(/not JSON\n.*train\.json:2\n/)
    expect(await refusal('[{"a": 1}')).toContain('never closed')
    expect(await refusal('[{"a": 1}]\n{"a": 2}')).toContain('text after the array')
    expect(await refusal(Uint8Array.of(0x7b, 0xff, 0x7d))).toContain('not text in UTF-8')
    expect(await refusal(gzipSync('{"a": 1}').subarray(0, 15))).toContain('cannot be unpacked')
    expect(renderUserError(await userError(readRecords('/nowhere/at/all')))).toContain('no such file')
  })
})

describe('the items of a JSON text', () => {
  it('are those of any array', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), fc.constantFrom(undefined, 1, 3), (values, indent) => {
        const text = JSON.stringify(values, undefined, indent)
        const items = topLevelItems(text)?.map(({ start, end }) => JSON.parse(text.slice(start, end)))
        expect(JSON.stringify(items)).toEqual(JSON.stringify(values))
      }),
    )
  })
})
