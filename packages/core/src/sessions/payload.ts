import { isCbor } from '../ingest/decode.ts'
import { parseCbor } from '../ingest/safe-cbor.ts'
import { parseJson } from '../ingest/safe-json.ts'

/** A document, in JSON unless its type says CBOR, within the limits. Throws Refused. */
export const parsePayload = (bytes: Uint8Array, contentType: string | undefined): unknown =>
  isCbor(contentType) ? parseCbor(bytes) : parseJson(bytes)
