import { createCipheriv, createDecipheriv } from 'node:crypto'
import { dtls12 } from './record.ts'

export interface Suite {
  id: number
  name: string
  cipher: 'aes-128-gcm' | 'aes-128-ccm'
  tagBytes: 8 | 16
}

/** RFC 5487 and RFC 6655, in order of preference: the whole tag where the client can have it. */
export const suites: readonly Suite[] = [
  { id: 0x00a8, name: 'TLS_PSK_WITH_AES_128_GCM_SHA256', cipher: 'aes-128-gcm', tagBytes: 16 },
  // RFC 7252, section 9.1.3.1: "mandatory to implement"
  { id: 0xc0a8, name: 'TLS_PSK_WITH_AES_128_CCM_8', cipher: 'aes-128-ccm', tagBytes: 8 },
]

const explicitBytes = 8

/** Which record it is: what its nonce and its additional data are made of. */
export interface RecordName {
  type: number
  epoch: number
  sequence: number
}

/** The keys of one direction. */
export interface Protection {
  seal(name: RecordName, plaintext: Uint8Array): Buffer
  /** Undefined for what was not sealed with this key. */
  open(name: RecordName, fragment: Buffer): Buffer | undefined
}

export function createProtection(suite: Suite, key: Uint8Array, iv: Uint8Array): Protection {
  const { tagBytes } = suite

  /** RFC 5246, section 6.2.3.3: "seq_num + TLSCompressed.type + TLSCompressed.version + TLSCompressed.length" */
  const additional = ({ type, epoch, sequence }: RecordName, length: number): Buffer => {
    const data = Buffer.alloc(13)
    data.writeUInt16BE(epoch, 0)
    data.writeUIntBE(sequence, 2, 6)
    data[8] = type
    data.writeUInt16BE(dtls12, 9)
    data.writeUInt16BE(length, 11)
    return data
  }

  return {
    seal(name, plaintext) {
      const data = additional(name, plaintext.length)
      // RFC 6655, section 3: the explicit part "MAY be the 64-bit sequence number", which never comes twice under one key.
      const explicit = data.subarray(0, explicitBytes)
      const nonce = Buffer.concat([iv, explicit])
      // Node's types tell the two modes apart by the name, so each is called by its own.
      if (suite.cipher === 'aes-128-ccm') {
        const cipher = createCipheriv('aes-128-ccm', key, nonce, { authTagLength: tagBytes })
        cipher.setAAD(data, { plaintextLength: plaintext.length })
        return Buffer.concat([explicit, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
      }
      const cipher = createCipheriv('aes-128-gcm', key, nonce, { authTagLength: tagBytes })
      cipher.setAAD(data)
      return Buffer.concat([explicit, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
    },
    open(name, fragment) {
      const length = fragment.length - explicitBytes - tagBytes
      if (length < 0) return undefined
      const data = additional(name, length)
      const nonce = Buffer.concat([iv, fragment.subarray(0, explicitBytes)])
      const body = fragment.subarray(explicitBytes, explicitBytes + length)
      const tag = fragment.subarray(explicitBytes + length)
      try {
        if (suite.cipher === 'aes-128-ccm') {
          const decipher = createDecipheriv('aes-128-ccm', key, nonce, { authTagLength: tagBytes })
          decipher.setAuthTag(tag).setAAD(data, { plaintextLength: length })
          const plaintext = decipher.update(body)
          decipher.final()
          return plaintext
        }
        const decipher = createDecipheriv('aes-128-gcm', key, nonce, { authTagLength: tagBytes })
        decipher.setAuthTag(tag).setAAD(data)
        return Buffer.concat([decipher.update(body), decipher.final()])
      } catch {
        // The tag does not fit: forged, damaged, or sealed with another key. DTLS discards such a record.
        return undefined
      }
    },
  }
}
