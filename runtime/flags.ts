/** WebGPU's flags, whose values its specification fixes. Node has no globals that hold them. */
export const usage = {
  mapRead: 0x1,
  copySource: 0x4,
  copyTarget: 0x8,
  uniform: 0x40,
  storage: 0x80,
  queryResolve: 0x200,
} as const

export const mapMode = { read: 0x1 } as const

export const stage = { compute: 0x4 } as const

/**
 * Buffer sizes are multiples of 16, and never 0, so that every buffer can be bound as an array of any vector.
 */
export const bufferBytes = (bytes: number): number => Math.max(16, Math.ceil(bytes / 16) * 16)
