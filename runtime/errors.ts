/**
 * `no-adapter`: there is no device; `lost`: the device went away or was closed; `too-small`: a limit of the
 * device is too low; `out-of-memory`: an allocation failed; `input`: a tensor, value or option does not fit;
 * `artifact`: the value to load is not an artifact, is of another version, or is damaged; `internal`: the
 * device refused something that Jola sent, which is a defect of Jola.
 */
export type DeviceErrorKind =
  | 'no-adapter'
  | 'lost'
  | 'too-small'
  | 'out-of-memory'
  | 'input'
  | 'artifact'
  | 'internal'

/** The parts of a {@link DeviceError}'s message. */
export interface DeviceErrorParts {
  /** The mistake, in one sentence. */
  readonly what: string
  /** Why, with the numbers. */
  readonly why?: string
  /** The remedy. */
  readonly hint?: string
}

/** Any failure between an artifact and its results. The message holds all parts, one a line. */
export class DeviceError extends Error {
  readonly kind: DeviceErrorKind
  readonly what: string
  readonly why: string | undefined
  readonly hint: string | undefined

  constructor(kind: DeviceErrorKind, parts: DeviceErrorParts) {
    super([parts.what, parts.why, parts.hint].filter(part => part !== undefined).join('\n'))
    this.name = 'DeviceError'
    this.kind = kind
    this.what = parts.what
    this.why = parts.why
    this.hint = parts.hint
  }
}

/** A {@link DeviceError} of kind `internal`. */
export const internalError = (what: string, why?: string): DeviceError =>
  new DeviceError('internal', {
    what: `internal error: ${what}`,
    ...(why === undefined ? {} : { why }),
    hint: 'This is a defect of Jola, not of your program: please report it with the program and the device.',
  })

/** An error that came from WebGPU itself, as a {@link DeviceError}. */
export const fromGpuError = (error: GPUError): DeviceError =>
  error.constructor.name === 'GPUOutOfMemoryError'
    ? new DeviceError('out-of-memory', {
        what: 'the device is out of memory',
        why: error.message,
        hint: 'Use smaller batches or shorter sequences, or free memory that other programs hold.',
      })
    : internalError('the device refuses what it was sent', error.message)

/** A number of bytes in words: `1.5 MiB`. */
export const showBytes = (bytes: number): string => {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB']
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, bytes)) / 10)))
  const value = bytes / 2 ** (10 * power)
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${units[power]}`
}
