import { createHash } from 'node:crypto'
import type { NewSha256, Sha256 } from '../hash/sha256.js'

/** Node's SHA-256. */
export const nodeSha256: NewSha256 = () => {
  const hash = createHash('sha256')
  const own: Sha256 = {
    update(data) {
      hash.update(data)
      return own
    },
    hex: () => hash.digest('hex'),
  }
  return own
}
