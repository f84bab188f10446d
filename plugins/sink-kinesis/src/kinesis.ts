import { setTimeout as wait } from 'node:timers/promises'
import type { Sink, SinkRecord, WriteAnswer } from '@patchbay/sdk'
import { answerOfWrite, type OpenedSink, toReply, WriteRefused } from '@patchbay/sdk/sink'
import type { Config } from './config.ts'
import { type Entry, readPartitionKey, toBody, toCalls, toEntries, toRound } from './requests.ts'
import { createService, ServiceRefused } from './json-protocol.ts'

/** Between calls that carry again what was throttled; then the platform waits for longer. */
const backOffMs = [50, 100, 200, 400, 800, 1600]
/** Of one call; less than a try gets. */
const callMs = 8_000

/** Records are to blame, not time or rights. */
const refusals = new Set(['ValidationException', 'InvalidArgumentException', 'SerializationException'])

interface Taken {
  shard: string
  sequence: string
}

type EntryAnswer = { taken: Taken } | { words: string }

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

/** What was said of each entry, in the order of the call. */
function toAnswers(said: unknown, length: number): EntryAnswer[] {
  const list: unknown = isObject(said) ? said['Records'] : undefined
  if (!Array.isArray(list) || list.length !== length)
    throw new Error(`The service answered ${Array.isArray(list) ? list.length : 'no'} records to ${length}.`)
  return list.map((each: unknown): EntryAnswer => {
    if (!isObject(each)) return { words: 'no answer' }
    const sequence = textOf(each['SequenceNumber'])
    if (sequence !== '') return { taken: { shard: textOf(each['ShardId']), sequence } }
    return { words: `${textOf(each['ErrorCode'])}: ${textOf(each['ErrorMessage'])}` }
  })
}

/** Whose record a validation names: `Value at 'records.3.member.data' failed …`, counted from 1. */
const namedRecord = /records\.(\d+)\.member/i

export interface OpenKinesis extends OpenedSink {
  close(): void
}

export function openKinesis(values: Config, stop: AbortSignal): OpenKinesis {
  const secrets = [values.secretAccessKey, values.sessionToken]
  const service = createService(values)
  const key = readPartitionKey(values.partitionKey)
  let last: Taken | undefined

  async function put(entries: readonly Entry[], signal: AbortSignal): Promise<EntryAnswer[]> {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(callMs)])
    const answers = toAnswers(await service.call('PutRecords', toBody(values.stream, entries), limited), entries.length)
    for (const answer of answers) if ('taken' in answer) last = answer.taken
    return answers
  }

  /**
   * Puts one call's entries. What was not taken goes again, and of its device all that follows, one of a device at a time: nothing passes what lies
   * before it. Answers what is still to go, and why.
   */
  async function putInOrder(call: readonly Entry[], signal: AbortSignal): Promise<{ left: Entry[]; words: string }> {
    const answers = await put(call, signal)
    const held = new Set<string>()
    let words = ''
    let left = call.filter(({ device }, at) => {
      const answer = answers[at]
      if (answer && 'words' in answer) {
        held.add(device)
        words ||= answer.words
      }
      return held.has(device)
    })
    for (let tries = 0; left.length > 0 && tries < backOffMs.length;) {
      const round = toRound(left)
      if (tries > 0 || words !== '') await wait(backOffMs[tries], undefined, { signal })
      const said = await put(round, signal)
      const taken = new Set<Entry>()
      words = ''
      for (const [at, answer] of said.entries()) {
        const entry = round[at]
        if ('words' in answer) words ||= answer.words
        else if (entry) taken.add(entry)
      }
      left = left.filter((entry) => !taken.has(entry))
      tries = taken.size > 0 ? 0 : tries + 1
    }
    return { left, words }
  }

  async function write(records: readonly SinkRecord[], signal: AbortSignal): Promise<WriteAnswer> {
    const entries = toEntries(records, key)
    let done = 0
    /** From here on all goes again: the next try begins there, and is told the rest. */
    const again = (words: string, open: ReadonlySet<number>): WriteAnswer => ({
      outcome: 'partial',
      refused: [],
      retry: entries
        .filter(({ index }) => index >= done || open.has(index))
        .map(({ index }) => ({ index, reply: toReply(words, secrets) })),
    })
    for (const call of toCalls(entries)) {
      try {
        const { left, words } = await putInOrder(call, signal)
        done += call.length
        if (left.length > 0) return again(words, new Set(left.map(({ index }) => index)))
      } catch (error) {
        const words = error instanceof Error ? error.message : String(error)
        const isRefusal = error instanceof ServiceRefused && refusals.has(error.code)
        const named = isRefusal ? call[Number(namedRecord.exec(words)?.[1] ?? 0) - 1] : undefined
        if (named)
          return {
            outcome: 'partial',
            refused: [{ index: named.index, reply: toReply(words, secrets) }],
            retry: entries
              .filter(({ index }) => index >= done && index !== named.index)
              .map(({ index }) => ({ index, reply: 'One of its call was refused.' })),
          }
        if (done > 0) return again(words, new Set())
        throw isRefusal ? new WriteRefused(words, { cause: error }) : error
      }
    }
    return { outcome: 'delivered' }
  }

  const sink: Sink = {
    write: (records, options) =>
      answerOfWrite(async () => {
        const signal = AbortSignal.any([stop, options.signal])
        signal.throwIfAborted()
        return write(records, signal)
      }, secrets),
  }

  async function readBack(probe: SinkRecord, signal: AbortSignal): Promise<string> {
    const where = `stream ${values.stream} at ${service.host}`
    if (!last) throw new Error(`The ${where} took a record and did not say where it is.`)
    const { shard, sequence } = last
    try {
      const iterator = await service.call(
        'GetShardIterator',
        JSON.stringify({
          StreamName: values.stream,
          ShardId: shard,
          ShardIteratorType: 'AT_SEQUENCE_NUMBER',
          StartingSequenceNumber: sequence,
        }),
        signal,
      )
      const ShardIterator = isObject(iterator) ? textOf(iterator['ShardIterator']) : ''
      const found = await service.call('GetRecords', JSON.stringify({ ShardIterator, Limit: 1 }), signal)
      const records: unknown = isObject(found) ? found['Records'] : undefined
      const [first]: unknown[] = Array.isArray(records) ? records : []
      const data = isObject(first) ? Buffer.from(textOf(first['Data']), 'base64').toString() : ''
      if (!data.includes(probe.device)) throw new Error(`The ${where} took a record, but it is not there.`)
    } catch (error) {
      if (error instanceof ServiceRefused && error.code === 'AccessDeniedException')
        return `The ${where} took a record into ${shard}. These credentials may not read, so it was not read back.`
      throw error
    }
    return `The ${where} took a record of the device _patchbay_probe into ${shard}, and it was read back.`
  }
  return { sink, readBack, close: () => service.close() }
}
