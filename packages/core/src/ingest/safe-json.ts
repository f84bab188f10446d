import { refuse } from '../errors.ts'
import { scanJson } from './json-scan.ts'
import { ingestLimits } from './limits.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Bytes as text; refuses what is not UTF-8. */
export function toText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch (cause) {
    throw refuse('PAYLOAD_MALFORMED', 'The payload is not valid UTF-8.', { cause })
  }
}

/**
 * JSON within the limits, or a refusal. `__proto__` comes out as an own key, as JSON.parse makes it: readers must iterate, not assign.
 */
export function parseJson(bytes: Uint8Array): unknown {
  if (bytes.length > ingestLimits.packetBytes) throw refuse('PAYLOAD_TOO_LARGE')
  const { ascii } = scanJson(bytes)
  const text = ascii ? Buffer.prototype.latin1Slice.call(bytes, 0, bytes.length) : toText(bytes)
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw refuse('PAYLOAD_MALFORMED', 'The payload is not JSON.', { cause })
  }
}
