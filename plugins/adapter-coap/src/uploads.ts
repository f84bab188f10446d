import { type Answer, answer, uintOption } from './answer.ts'
import { type Block, writeBlock } from './block.ts'
import { refuse } from './errors.ts'
import { limits } from './limits.ts'
import type { Request } from './request.ts'

interface Upload {
  address: string
  /** Grows by doubling, so that small blocks cost no more than their bytes. */
  body: Buffer
  bytes: number
  contentFormat: number | undefined
  sinceMs: number
  heardMs: number
}

/** A body that is whole, or what to answer to the block that came. */
export type Taken = { body: Buffer } | { answer: Answer }

const nothing = Buffer.alloc(0)
const firstBytes = 1_024

const blockOption = (block: Block) => ({ name: 'Block1', value: writeBlock(block) })

/** 4.08: "the server has not received the blocks of the request body that it needs to proceed" (RFC 7959, section 2.9.2). */
const incomplete = (): Answer => answer('4.08')

export const tooLarge = (maxBytes: number): Answer =>
  // "the server (…) SHOULD also include a Size1 Option (…) to indicate the maximum size" (section 4)
  answer('4.13', [uintOption('Size1', maxBytes)], Buffer.from(`COAP_TOO_LARGE: At most ${maxBytes} bytes are taken.`))

/** Puts bodies together from Block1 requests (RFC 7959, section 2.5), one for each client, path and Request-Tag. */
export function createUploads(now: () => number, maxBytes: number) {
  const uploads = new Map<string, Upload>()
  const perAddress = new Map<string, number>()
  let held = 0

  const drop = (key: string) => {
    const upload = uploads.get(key)
    if (!upload) return
    uploads.delete(key)
    held -= upload.body.length
    const left = (perAddress.get(upload.address) ?? 1) - 1
    if (left === 0) perAddress.delete(upload.address)
    else perAddress.set(upload.address, left)
  }
  const isOver = ({ sinceMs, heardMs }: Upload, nowMs: number) =>
    nowMs - heardMs > limits.uploadIdleMs || nowMs - sinceMs > limits.uploadMs

  const begin = (key: string, address: string, contentFormat: number | undefined): Upload => {
    const mine = perAddress.get(address) ?? 0
    if (uploads.size >= limits.uploads || mine >= limits.uploadsPerAddress) throw refuse('COAP_UPLOADS_FULL')
    const nowMs = now()
    const upload: Upload = { address, body: nothing, bytes: 0, contentFormat, sinceMs: nowMs, heardMs: nowMs }
    uploads.set(key, upload)
    perAddress.set(address, mine + 1)
    return upload
  }

  function add(key: string, address: string, request: Request, block: Block): Taken {
    const { payload, contentFormat } = request
    const offset = block.number * block.bytes
    if (block.number === 0) drop(key)
    const upload = block.number === 0 ? begin(key, address, contentFormat) : uploads.get(key)
    if (!upload || isOver(upload, now()) || upload.contentFormat !== contentFormat) return fail(key)
    upload.heardMs = now()
    // The last block once more, with another message id: its answer was lost.
    const end = offset + payload.length
    const isRepeated = block.more && end === upload.bytes && upload.body.subarray(offset, end).equals(payload)
    if (!isRepeated) {
      if (offset !== upload.bytes) return fail(key)
      grow(key, upload, end)
      payload.copy(upload.body, offset)
      upload.bytes = end
    }
    if (block.more) return { answer: answer('2.31', [blockOption(block)]) }
    drop(key)
    return { body: upload.body.subarray(0, upload.bytes) }
  }

  function grow(key: string, upload: Upload, toBytes: number): void {
    if (toBytes <= upload.body.length) return
    const bytes = Math.min(maxBytes, Math.max(firstBytes, toBytes, upload.body.length * 2))
    const more = bytes - upload.body.length
    if (held + more > limits.uploadBytes) {
      drop(key)
      throw refuse('COAP_UPLOADS_FULL')
    }
    const body = Buffer.alloc(bytes)
    upload.body.copy(body, 0, 0, upload.bytes)
    upload.body = body
    held += more
  }

  function fail(key: string): Taken {
    drop(key)
    return { answer: incomplete() }
  }

  return {
    /** Takes a request's payload. Throws Refused when it does not fit its block option, or there is no room. */
    take(key: string, address: string, request: Request): Taken {
      const { payload, block1, announcedBytes = 0 } = request
      const end = payload.length + (block1 ? block1.number * block1.bytes : 0)
      // What is announced is refused before anything of it is held.
      if (end > maxBytes || (announcedBytes > maxBytes && block1)) {
        drop(key)
        return { answer: tooLarge(maxBytes) }
      }
      if (!block1) return { body: payload }
      if (block1.more ? payload.length !== block1.bytes : payload.length > block1.bytes) throw refuse('COAP_BLOCK')
      if (block1.number === 0 && !block1.more) return { body: payload }
      return add(key, address, request, block1)
    },
    /** "the final response (…) carries the Block1 option" of the block it answers. */
    optionsOf: ({ block1 }: Request) => (block1 ? [blockOption({ ...block1, more: false })] : []),
    sweep(): void {
      const nowMs = now()
      for (const [key, upload] of uploads) if (isOver(upload, nowMs)) drop(key)
    },
    get size() {
      return uploads.size
    },
    get bytes() {
      return held
    },
  }
}

export type Uploads = ReturnType<typeof createUploads>
