import { describe, expect, it } from 'vitest'
import type { DeviceTraits, Schedule } from '../../../compiler/artifact.js'
import { compileGraph } from '../../../compiler/backend/compile.js'
import { i32, prim } from '../../../compiler/ir/expr.js'
import { gpu } from '../../support/traits.js'
import * as programs from './programs.js'

const withUnits: DeviceTraits = {
  ...gpu,
  workgroupBytes: 49152,
  precision: 'f16',
  matrices: [{ component: 'f16', result: 'f32', m: 16, n: 16, k: 16 }],
}

/**
 * A product of matrices whose axes lie in memory in these orders. `apart` reads every second element, so that
 * no two are neighbours.
 */
const programOf = (left: string, right: string, rows: number, apart: boolean): programs.Program => {
  const p = new programs.Program()
  const axes = { m: p.axis('m', rows), n: p.axis('n', 128), k: p.axis('k', 128) }
  const operand = (name: string, order: string) => {
    const own = [...order].map(c => axes[c as 'm' | 'n' | 'k'])
    const node = p.input(name, ...own.map(a => a.extent), ...(apart ? [2] : []))
    return p.at(node, ...own, ...(apart ? [i32(0)] : []))
  }
  const product = prim('mul', operand('x', left), operand('y', right))
  p.output('out', p.reduce('product', 'sum', [axes.m, axes.n], [axes.k], product))
  return p
}

/**
 * Stores to a component of a vector in workgroup memory. Such a store may also write the other components,
 * which belong to other threads.
 */
const componentStores = (wgsl: string): readonly string[] => {
  const vectors = [...wgsl.matchAll(/var<workgroup> (\w+): array<vec4/g)].map(m => m[1]!)
  return wgsl.split(/[;{}\n]/).flatMap(statement => {
    const target = / [-+*/]?= /.test(statement) ? statement.split(/ [-+*/]?= /)[0]!.trim() : ''
    const name = vectors.find(v => target.startsWith(`${v}[`))
    if (name === undefined) return []
    let depth = 0
    const end = [...target].findIndex(c => {
      depth += c === '[' ? 1 : c === ']' ? -1 : 0
      return c === ']' && depth === 0
    })
    return end === target.length - 1 ? [] : [statement.trim()]
  })
}

describe('tiles in workgroup memory', () => {
  it('are known by their stores', () => {
    const declared = 'var<workgroup> left: array<vec4f, 8>;\n'
    expect(componentStores(`${declared}left[i] = x;`)).toEqual([])
    expect(componentStores(`${declared}left[(i + j[0]) / 4][i % 4] = x;`)).toHaveLength(1)
    expect(componentStores(`${declared}left[i].x = x;`)).toHaveLength(1)
  })

  it('are written a whole vector or a scalar at a time', () => {
    const families = new Map<Schedule['family'], number>()
    for (const left of ['mk', 'km'])
      for (const right of ['kn', 'nk'])
        for (const rows of [8, 128])
          for (const apart of [false, true]) {
            const graph = programOf(left, right, rows, apart).finish()
            const chosen = compileGraph(graph, withUnits).kernels[0]!.chosen!
            for (const s of chosen.candidates.filter(c => c.family === 'tile' || c.family === 'matrix')) {
              families.set(s.family, 1 + (families.get(s.family) ?? 0))
              const tuning = new Map([[chosen.signature, s]])
              const { wgsl } = compileGraph(graph, withUnits, { tuning }).kernels[0]!
              expect(componentStores(wgsl), JSON.stringify(s)).toEqual([])
            }
          }
    expect(families.get('tile')).toBeGreaterThan(100)
    expect(families.get('matrix')).toBeGreaterThan(20)
  })
})
