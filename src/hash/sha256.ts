/**
 * A SHA-256 that is computed piece by piece. The platform brings one: it is much faster than one in
 * JavaScript.
 */
export interface Sha256 {
  /** Adds bytes, or a text's bytes in UTF-8. */
  update(data: string | Uint8Array | Int32Array): Sha256
  /** The hash of all that was added, as hexadecimal digits. Nothing may be added afterwards. */
  hex(): string
}

/** Begins a hash of nothing. */
export type NewSha256 = () => Sha256
