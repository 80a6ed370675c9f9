/** An incremental SHA-256. The platform provides it, since one in JavaScript is much slower. */
export interface Sha256 {
  /** Adds bytes, or a text's bytes in UTF-8. */
  update(data: string | Uint8Array | Int32Array): Sha256
  /** The hash in hexadecimal digits. Nothing may be added afterwards. */
  hex(): string
}

/** Begins an empty hash. */
export type NewSha256 = () => Sha256
