import { decode } from 'cborg'
import { refuse } from '../errors.ts'
import { scanCbor } from './cbor-scan.ts'
import { ingestLimits } from './limits.ts'

/** CBOR (RFC 8949) within the same limits as JSON, and with nothing in it that JSON could not say. */
export function parseCbor(bytes: Uint8Array): unknown {
  if (bytes.length > ingestLimits.packetBytes) throw refuse('PAYLOAD_TOO_LARGE')
  scanCbor(bytes)
  try {
    return decode(bytes, { allowBigInt: false, allowInfinity: false, allowNaN: false, coerceUndefinedToNull: true })
  } catch (cause) {
    throw refuse('PAYLOAD_MALFORMED', 'The payload is not CBOR of the permitted kinds.', { cause })
  }
}
