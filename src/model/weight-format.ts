/** The formats of weights on the device; `auto` keeps the checkpoint's own. */
export const weightFormats = ['auto', 'f32', 'f16', 'bf16', 'q8'] as const

export type WeightFormat = (typeof weightFormats)[number]
