import type { Artifact, DeviceTraits, Slice, Step } from '../../compiler/artifact.js'

const sizes: Readonly<Record<string, number>> = { f32: 4, i32: 4, u32: 4, f16: 2, vec4f: 16, 'vec4<f32>': 16 }

/** Bytes of a kernel's workgroup variables, which are arrays of arrays of numbers and vectors. */
const workgroupBytes = (wgsl: string): number =>
  [...wgsl.matchAll(/var<workgroup> \w+: ((?:array<)*)([\w<>]+?)((?:, ?\d+>)*);/g)].reduce((sum, m) => {
    const element = sizes[m[2]!] ?? (m[2]!.startsWith('vec4') ? (m[2]!.endsWith('h') ? 8 : 16) : Number.NaN)
    return sum + [...m[3]!.matchAll(/\d+/g)].reduce((n, d) => n * Number(d[0]), element)
  }, 0)

/** Bytes that two bindings of one buffer have in common, which move alike. */
const overlap = (a: Slice | null | undefined, b: Slice | null | undefined): number =>
  a && b && a.strides.join() === b.strides.join()
    ? Math.max(0, Math.min(a.offset + a.size, b.offset + b.size) - Math.max(a.offset, b.offset))
    : Number.POSITIVE_INFINITY

/** Every limit of a device that a dispatch of the artifact passes, in words; none where it may run. */
export const passedLimits = (artifact: Artifact, traits: DeviceTraits): readonly string[] => {
  const out: string[] = []
  const note = (what: string, value: number, most: number): void => {
    if (!(value <= most)) out.push(`${what}: ${value} of ${most}`)
  }
  const walk = (steps: readonly Step[], counts: readonly number[]): void => {
    for (const s of steps) {
      if (s.kind === 'loop') walk(s.steps, [...counts, s.count])
      if (s.kind !== 'dispatch') continue
      const k = artifact.kernels[s.kernel]!
      const of = (what: string): string => `${k.name}, ${what}`
      note(of('storage buffers'), s.buffers.length, traits.storageBuffersPerStage)
      s.buffers.forEach((b, i) => {
        for (let j = 0; j < i; j++)
          if (s.buffers[j] === b)
            note(of('overlapping bindings of a buffer'), overlap(s.slices?.[i], s.slices?.[j]), 0)
      })
      s.buffers.forEach((b, i) => {
        const { bytes } = artifact.buffers[b]!
        const slice = s.slices?.[i]
        note(of('bytes of a binding'), Math.min(bytes, slice?.size ?? bytes), traits.bindingBytes)
        if (!slice) return
        const offsets = counts.map((n, d) => (n - 1) * (slice.strides[d] ?? 0))
        const last = slice.offset + offsets.reduce((sum, o) => sum + Math.max(0, o), 0)
        const first = slice.offset + offsets.reduce((sum, o) => sum + Math.min(0, o), 0)
        note(of('first offset'), -first, 0)
        note(of('last offset'), last, bytes - 1)
        for (const x of [slice.offset, ...slice.strides]) note(of('offset'), x % traits.bindingAlignment, 0)
      })
      for (const n of s.workgroups) note(of('workgroups'), n, traits.workgroupsPerDimension)
      note(
        of('invocations'),
        k.workgroupSize.reduce((a, b) => a * b, 1),
        traits.workgroupInvocations,
      )
      note(of('bytes of workgroup memory'), workgroupBytes(k.wgsl), traits.workgroupBytes)
    }
  }
  walk(artifact.steps, [])
  artifact.buffers.forEach((b, i) => {
    note(`buffer ${i}`, b.bytes, traits.bufferBytes)
  })
  return [...new Set(out)]
}
