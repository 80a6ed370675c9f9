type Rgb = readonly [number, number, number]

/**
 * Eleven points of viridis (van der Walt and Smith), even in lightness, readable with any kind of colour
 * vision.
 */
const viridis: readonly Rgb[] = [
  [68, 1, 84],
  [72, 36, 117],
  [65, 68, 135],
  [53, 95, 141],
  [42, 120, 142],
  [33, 145, 140],
  [34, 168, 132],
  [68, 191, 112],
  [122, 209, 81],
  [189, 223, 38],
  [253, 231, 37],
]

const at = (share: number): Rgb => {
  const x = Math.min(1, Math.max(0, share)) * (viridis.length - 1)
  const i = Math.min(viridis.length - 2, Math.floor(x))
  const [a, b] = [viridis[i]!, viridis[i + 1]!]
  const mix = (k: 0 | 1 | 2) => Math.round(a[k] + (b[k] - a[k]) * (x - i))
  return [mix(0), mix(1), mix(2)]
}

/** The viridis colour of a value in [0, 1], dark to bright, as `rgb(…)`. */
export const sequential = (share: number): string => `rgb(${at(share).join(',')})`

/** Black or white, whichever is easier to read on {@link sequential}'s colour (WCAG relative luminance). */
export const inkOn = (share: number): string => {
  const [r, g, b] = at(share).map(c => {
    const s = c / 255
    return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b! > 0.179 ? '#000' : '#fff'
}
