import { gunzip } from 'node:zlib'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { refuse } from './errors.ts'

/** How the body is packed; undefined = in a way that is not taken here. */
export function encodingOf(header: string | undefined): 'plain' | 'gzip' | undefined {
  const name = header?.trim().toLowerCase() ?? ''
  if (name === '' || name === 'identity') return 'plain'
  return name === 'gzip' || name === 'x-gzip' ? 'gzip' : undefined
}

const isTooMuch = (error: Error) => 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE'

const unpack = (bytes: Buffer, maxBytes: number): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    // maxOutputLength stops a bomb while it unpacks: no more than the limit is ever held.
    gunzip(bytes, { maxOutputLength: maxBytes }, (error, plain) => {
      if (!error) resolve(plain)
      else reject(refuse(isTooMuch(error) ? 'HTTP_BODY_TOO_LARGE' : 'HTTP_BODY_ENCODING', undefined, error))
    })
  })

/** Bodies of any type arrive as bytes: what they mean is for the device's type to say. */
export function takeBytes(app: FastifyInstance, maxBytes: number): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser<Buffer>(
    '*',
    { parseAs: 'buffer', bodyLimit: maxBytes },
    async (request: FastifyRequest, body: Buffer) =>
      encodingOf(request.headers['content-encoding']) === 'gzip' ? unpack(body, maxBytes) : body,
  )
}
