import type { Artifact } from '../compiler/artifact.js'
import { checkArtifact } from './check-artifact.js'
import { DeviceError } from './errors.js'

/** CRC-32 (IEEE 802.3) of a text's UTF-16 units, low byte first, as eight hexadecimal digits. */
const checksum = (text: string): string => {
  let crc = -1
  const take = (byte: number): void => {
    crc ^= byte
    for (let k = 0; k < 8; k++) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1))
  }
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    take(unit & 255)
    take(unit >>> 8)
  }
  return (~crc >>> 0).toString(16).padStart(8, '0')
}

/**
 * An artifact as JSON, with a checksum: {@link artifactFromJson} reads the same artifact. Throws a {@link
 * DeviceError} if the value is not an artifact.
 */
export const artifactToJson = (artifact: Artifact): string => {
  checkArtifact(artifact)
  const { format, ...rest } = artifact
  return JSON.stringify({ format, checksum: checksum(JSON.stringify(rest)), ...rest })
}

const unreadable = (what: string, why: string): DeviceError =>
  new DeviceError('artifact', { what, why, hint: 'Save it again by `artifactToJson`.' })

/**
 * Reads the text of {@link artifactToJson}. Throws a {@link DeviceError} of kind `artifact` that names the
 * defect: the text is empty, cut off, not JSON, not an artifact, of another version, or was changed after it
 * was saved.
 */
export const artifactFromJson = (text: string): Artifact => {
  if (typeof text !== 'string') throw unreadable('this is no artifact of Jola', 'It is no text.')
  if (text.trim() === '') throw unreadable('the artifact is empty', 'The text has no characters.')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    const begun = text.startsWith('{"format":"jola-artifact-')
    throw unreadable(
      begun ? 'the artifact is cut off or damaged' : 'this is no artifact of Jola',
      `It is no JSON: ${why}.`,
    )
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !('checksum' in value)) {
    checkArtifact(value)
    return value
  }
  const { checksum: sum, ...artifact } = value
  checkArtifact(artifact)
  const { format: _, ...rest } = artifact
  if (sum !== checksum(JSON.stringify(rest)))
    throw unreadable('the artifact is damaged', 'Its checksum does not agree with what it holds.')
  return artifact
}
