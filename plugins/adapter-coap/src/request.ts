import { type Block, readBlock, readUint } from './block.ts'
import type { Message, Option } from './message.ts'

/** What the options of a request say. */
export interface Request {
  code: string
  confirmable: boolean
  token: Buffer
  payload: Buffer
  /** Bytes of its datagram: what an answer may be measured by. */
  size: number
  path: readonly Buffer[]
  query: readonly Buffer[]
  contentFormat: number | undefined
  accept: number | undefined
  observe: number | undefined
  block1: Block | undefined
  block2: Block | undefined
  /** Size1: what the whole body will have. */
  announcedBytes: number | undefined
  /** Tells uploads of one client to one path apart (RFC 9175); empty without one. */
  tag: string
  echo: Buffer | undefined
}

/** The request cannot be followed: the code to answer, and why. */
export interface BadRequest {
  code: '4.00' | '4.02' | '5.05'
  detail: string
}

interface Known {
  longest: number
  repeatable?: true
}

/**
 * The options that are understood, with the longest value that RFC 7252 (section 5.10), 7959, 7641 and 9175 give them. A value that is
 * longer, or an option that comes twice and may not, "MUST be treated like an unrecognized option" (section 5.4.3 and 5.4.5).
 */
const known: ReadonlyMap<string, Known> = new Map([
  ['Uri-Host', { longest: 255 }],
  ['Uri-Port', { longest: 2 }],
  ['Uri-Path', { longest: 255, repeatable: true }],
  ['Uri-Query', { longest: 255, repeatable: true }],
  ['Content-Format', { longest: 2 }],
  ['Accept', { longest: 2 }],
  ['Observe', { longest: 3 }],
  ['Block1', { longest: 3 }],
  ['Block2', { longest: 3 }],
  ['Size1', { longest: 4 }],
  ['292', { longest: 8, repeatable: true }],
  ['252', { longest: 40 }],
])

/** Numbers of critical options that coap-packet gives a name and that are not understood here. */
const foreignCritical: ReadonlySet<string> = new Set(['If-Match', 'If-None-Match', 'OSCORE', 'Q-Block1', 'Q-Block2'])
/** "A proxy (…) a request with a Proxy-Uri or Proxy-Scheme option to an endpoint that is none: 5.05" (section 5.7.2). */
const forProxies: ReadonlySet<string> = new Set(['Proxy-Uri', 'Proxy-Scheme'])
/** The OCF names of coap-packet: 2049 and 2053. */
const ocf = /^OCF-/

/** "Bit 0 (the least significant bit) of the option number: 1 = critical" (section 5.4.6). */
const isCritical = (name: string): boolean =>
  foreignCritical.has(name) ||
  ocf.test(name) ||
  (/^\d+$/.test(name) ? Number(name) % 2 === 1 : isCriticalHere.has(name))
const isCriticalHere: ReadonlySet<string> = new Set([
  'Uri-Host',
  'Uri-Port',
  'Uri-Path',
  'Uri-Query',
  'Accept',
  'Block1',
  'Block2',
])

const blockProblem: BadRequest = { code: '4.00', detail: 'The block option is not well formed.' }

/** Reads a request's options once. */
export function toRequest(message: Message, size: number): Request | BadRequest {
  const path: Buffer[] = []
  const query: Buffer[] = []
  const single = new Map<string, Buffer>()
  let tag = ''
  for (const option of message.options) {
    const rule = ruleOf(option, single)
    if (!rule) {
      if (forProxies.has(option.name)) return { code: '5.05', detail: 'This is no proxy.' }
      if (isCritical(option.name)) return { code: '4.02', detail: `The option ${option.name} is not understood here.` }
    } else if (option.name === 'Uri-Path') path.push(option.value)
    else if (option.name === 'Uri-Query') query.push(option.value)
    else if (option.name === '292') tag += `${option.value.toString('hex')}.`
    else single.set(option.name, option.value)
  }
  const uint = (name: string) => {
    const value = single.get(name)
    return value && readUint(value)
  }
  const block = (name: string) => {
    const value = single.get(name)
    return value && (readBlock(value) ?? 'bad')
  }
  const block1 = block('Block1')
  const block2 = block('Block2')
  if (block1 === 'bad' || block2 === 'bad') return blockProblem
  return {
    code: message.code,
    confirmable: message.type === 'con',
    token: message.token,
    payload: message.payload,
    size,
    path,
    query,
    contentFormat: uint('Content-Format'),
    accept: uint('Accept'),
    observe: uint('Observe'),
    block1,
    block2,
    announcedBytes: uint('Size1'),
    tag,
    echo: single.get('252'),
  }
}

/** The rule of an option that is understood; undefined where it has to be treated as one that is not. */
function ruleOf({ name, value }: Option, single: ReadonlyMap<string, Buffer>): Known | undefined {
  const rule = known.get(name)
  if (!rule || value.length > rule.longest || (!rule.repeatable && single.has(name))) return undefined
  return rule
}

export const isBadRequest = (request: Request | BadRequest): request is BadRequest => 'detail' in request
