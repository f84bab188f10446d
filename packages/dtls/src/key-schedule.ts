import { createProtection, type Protection, type Suite } from './cipher-suite.ts'
import { prf } from './prf.ts'

const masterBytes = 48
const keyBytes = 16
const ivBytes = 4
const verifyBytes = 12

/** What a handshake came to, for one key. */
export interface Keys {
  /** The pre-shared key itself. */
  psk: Uint8Array
  master: Uint8Array
  /** Opens what the client writes. */
  client: Protection
  /** Closes what the server writes. */
  server: Protection
}

/**
 * RFC 4279, section 2: "if the PSK is N octets long, concatenate a uint16 with the value N, N zero octets, a second uint16 with the value
 * N, and the PSK itself."
 */
function toPremaster(psk: Uint8Array): Buffer {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(psk.length)
  return Buffer.concat([length, Buffer.alloc(psk.length), length, psk])
}

export function deriveKeys(how: {
  psk: Uint8Array
  suite: Suite
  clientRandom: Buffer
  serverRandom: Buffer
  /** The hash up to the ClientKeyExchange, where RFC 7627's extended master secret was agreed. */
  sessionHash: Buffer | undefined
}): Keys {
  const { psk, suite, clientRandom, serverRandom, sessionHash } = how
  const premaster = toPremaster(psk)
  const master = sessionHash
    ? prf(premaster, 'extended master secret', sessionHash, masterBytes)
    : prf(premaster, 'master secret', Buffer.concat([clientRandom, serverRandom]), masterBytes)
  // RFC 5246, section 6.3: "key_block = PRF(…, "key expansion", server_random + client_random)"; AEAD suites take no MAC keys of it.
  const block = prf(master, 'key expansion', Buffer.concat([serverRandom, clientRandom]), 2 * (keyBytes + ivBytes))
  const ivAt = 2 * keyBytes
  return {
    psk: kept(psk),
    master: kept(master),
    client: createProtection(suite, kept(block.subarray(0, keyBytes)), kept(block.subarray(ivAt, ivAt + ivBytes))),
    server: createProtection(suite, kept(block.subarray(keyBytes, ivAt)), kept(block.subarray(ivAt + ivBytes))),
  }
}

/** A copy of its own: a part of one of Node's pooled buffers would hold the whole of it for as long as the session lives. */
const kept = (bytes: Uint8Array): Uint8Array => Uint8Array.from(bytes)

/** RFC 5246, section 7.4.9: "verify_data = PRF(master_secret, finished_label, Hash(handshake_messages))[0..11]" */
export const verifyDataOf = (master: Uint8Array, side: 'client' | 'server', transcriptHash: Buffer): Buffer =>
  prf(master, `${side} finished`, transcriptHash, verifyBytes)
