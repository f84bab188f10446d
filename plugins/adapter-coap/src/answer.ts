import { isRefused, type RefusalReason, type RefusedError } from '@patchbay/sdk'
import { writeUint } from './block.ts'
import type { Option } from './message.ts'

/** A response before it has become a message. */
export interface Answer {
  code: string
  options: readonly Option[]
  payload: Buffer
}

/** Content-Format numbers of IANA's registry. */
export const contentFormats = { text: 0, linkFormat: 40, octets: 42, json: 50, cbor: 60 } as const

const nothing = Buffer.alloc(0)

interface Words {
  code: string
  /** Seconds for Max-Age: when to come again. */
  maxAge?: number
}

/** The one table from why the platform refuses to CoAP's words for it. */
export const coapWords: Readonly<Record<RefusalReason, Words>> = {
  credentials: { code: '4.01' },
  banned: { code: '4.03' },
  forbidden: { code: '4.03' },
  malformed: { code: '4.00' },
  invalid: { code: '4.00' },
  'too-large': { code: '4.13' },
  // RFC 8516: 4.29, "Max-Age (…) indicate the number of seconds after which the client is allowed to retry"
  quota: { code: '4.29', maxAge: 1 },
  unavailable: { code: '5.03', maxAge: 5 },
}

export const answer = (code: string, options: readonly Option[] = [], payload: Buffer = nothing): Answer => ({
  code,
  options,
  payload,
})

export const uintOption = (name: string, value: number): Option => ({ name, value: writeUint(value) })

/** An answer whose payload is for people: a diagnostic payload of RFC 7252, section 5.5.2. */
export const problem = (code: string, detail: string, options: readonly Option[] = []): Answer =>
  answer(code, options, Buffer.from(detail))

export function toRefusalAnswer(refused: RefusedError): Answer {
  const { code, maxAge } = coapWords[refused.reason]
  const options = maxAge === undefined ? [] : [uintOption('Max-Age', maxAge)]
  return problem(code, `${refused.code}: ${refused.message}`, options)
}

export const toJsonAnswer = (value: unknown, options: readonly Option[] = []): Answer =>
  answer('2.05', [...options, uintOption('Content-Format', contentFormats.json)], Buffer.from(JSON.stringify(value)))

export const fault = (): Answer => problem('5.00', 'INTERNAL: A fault of the platform. It was logged.')

/** Any error as an answer; the second says that it is a fault and has to be logged. */
export const toErrorAnswer = (error: unknown): [Answer, boolean] =>
  isRefused(error) ? [toRefusalAnswer(error), false] : [fault(), true]
