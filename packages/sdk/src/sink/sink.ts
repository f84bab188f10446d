import type { WriteAnswer } from '@patchbay/contracts/delivery'
import { toReply } from '../alert-channel/reply.ts'
import { WriteLater, WriteRefused } from './write-failures.ts'

export { cutText, hideSecrets, retryAfterMs, toReply, toUrlSecrets } from '../alert-channel/reply.ts'
export { createTargetGuard, type TargetGuard } from '../outbound/guarded-lookup.ts'
export { toPassing, wordsOfBody } from './http-answer.ts'
export { defineSink, type OpenAbout, type SinkDefinition } from './define-sink.ts'
export { toDocument, toIsoMicros, toJsonLine, type RecordDocument } from './json-line.ts'
export {
  groupByName,
  readNameTemplate,
  type NamedRecords,
  type NameField,
  type NameSource,
  type NameTemplate,
  type NameTemplateOptions,
} from './name-template.ts'
export { WriteLater, WriteRefused } from './write-failures.ts'
export { NoAnswer, within } from './within.ts'
export { isProbe, toProbe, verifySink, type OpenedSink } from './verify-sink.ts'

const textOf = (error: unknown): string => {
  const text = error instanceof Error ? error.message : String(error)
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : ''
  return text === '' || (text === 'fetch failed' && cause !== '') ? cause || 'failed without a word' : text
}

/**
 * Runs one try so that it always ends in an answer: WriteRefused is `refused`, everything else that is thrown is tried again. Secrets are taken
 * out of what is told.
 */
export async function answerOfWrite(
  work: () => Promise<WriteAnswer | void>,
  secrets: readonly (string | undefined)[] = [],
): Promise<WriteAnswer> {
  try {
    return (await work()) ?? { outcome: 'delivered' }
  } catch (error) {
    const reply = toReply(textOf(error), secrets)
    if (error instanceof WriteRefused) return { outcome: 'refused', reply }
    return { outcome: 'retry', reply, ...(error instanceof WriteLater ? { afterMs: error.afterMs } : {}) }
  }
}
