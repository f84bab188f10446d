import { createHash, createHmac } from 'node:crypto'

const hashBytes = 32

const hmac = (secret: Uint8Array, ...parts: Uint8Array[]): Buffer => {
  const mac = createHmac('sha256', secret)
  for (const part of parts) mac.update(part)
  return mac.digest()
}

/** RFC 5246, section 5: "PRF(secret, label, seed) = P_<hash>(secret, label + seed)", with SHA-256. */
export function prf(secret: Uint8Array, label: string, seed: Uint8Array, length: number): Buffer {
  const full = Buffer.concat([Buffer.from(label, 'ascii'), seed])
  const blocks: Buffer[] = []
  let a: Buffer = full
  for (let made = 0; made < length; made += hashBytes) {
    a = hmac(secret, a)
    blocks.push(hmac(secret, a, full))
  }
  return Buffer.concat(blocks).subarray(0, length)
}

export const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest()
