/** What weights are stored as on the device; `auto`: as the checkpoint stores them. */
export const weightFormats = ['auto', 'f32', 'f16', 'bf16', 'q8'] as const

export type WeightFormat = (typeof weightFormats)[number]
