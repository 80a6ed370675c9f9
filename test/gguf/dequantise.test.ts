import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { dequantise } from '../../src/gguf/dequantise.js'
import { ggufBlocks, isQuantType } from '../../src/gguf/tensor-types.js'
import { bytesOfBase64 } from './support.js'

/** Blocks with the values that the gguf package gives them: `test/fixtures/gguf/blocks.py`. */
const fixture = JSON.parse(
  readFileSync(new URL('../fixtures/gguf/blocks.json', import.meta.url), 'utf8'),
) as Record<string, { readonly blocks: string; readonly values: string }>

const quantised = Object.keys(fixture).filter(isQuantType)

describe('quantised blocks', () => {
  it('have a fixture of every type', () => {
    expect(quantised.sort()).toEqual(Object.keys(ggufBlocks).filter(isQuantType).sort())
  })

  it.each(quantised)('%s has the bits of the gguf package', type => {
    const { blocks, values } = fixture[type]!
    const wanted = new Uint32Array(bytesOfBase64(values).buffer)
    const out = new Float32Array(wanted.length)
    dequantise(type, bytesOfBase64(blocks), out)
    expect([...new Uint32Array(out.buffer)]).toEqual([...wanted])
  })
})
