import type { Decision } from '@patchbay/contracts/access'
import type { RefusedError } from '@patchbay/contracts/session'
import { toRefusal } from '../access/authoriser.ts'
import { refuse } from '../errors.ts'
import type { TelemetrySource } from '../ingest/decode.ts'
import type { DeviceIngest } from '../ingest/device-ingest.ts'
import { isRefused } from '../refused.ts'
import { meaningOf, type TopicMeaning } from '../topic.ts'
import type { AccessCheck } from './access-check.ts'
import type { Publisher } from './publisher.ts'

/** What becomes of the messages of one topic from one publisher. */
export type Target =
  | { kind: 'refused'; refused: RefusedError }
  | { kind: 'telemetry'; source: TelemetrySource }
  | { kind: 'reported'; ingest: DeviceIngest }
  | { kind: 'reply'; ingest: DeviceIngest; command: string }
  | { kind: 'heartbeat'; ingest: DeviceIngest }
  | { kind: 'provisioning' }
  | { kind: 'message' }

/** Looks up everything a topic's messages need, so that none of them has to. At once when all of it is in memory. */
export function resolveTarget(access: AccessCheck, publisher: Publisher, topic: string): Target | Promise<Target> {
  const decision = access.check(publisher.subject, 'publish', topic)
  if (decision instanceof Promise)
    return decision.then((answer) => decided(answer, publisher, topic)).catch(unavailable)
  return decided(decision, publisher, topic)
}

function decided(decision: Decision, publisher: Publisher, topic: string): Target | Promise<Target> {
  if (!decision.allowed) return { kind: 'refused', refused: toRefusal(decision, 'publish') }
  const meaning = meaningOf(topic)
  // The authoriser says so first; this holds whatever it comes to say.
  if (meaning.kind === 'down' && publisher.principal.kind === 'device') {
    return { kind: 'refused', refused: refuse('TOPIC_DOWN') }
  }
  // The authoriser knows nothing of a person who may publish everything.
  if (meaning.kind === 'provisioning') {
    if (publisher.principal.kind === 'provisioning' && meaning.isRequest) return { kind: 'provisioning' }
    const detail = 'Only a provisioning key uses the topics under provision/.'
    return { kind: 'refused', refused: refuse('TOPIC_FORBIDDEN', detail, { step: 'provisioning' }) }
  }
  return openTarget(publisher, topic, meaning)
}

const unavailable = (cause: unknown): Target => ({
  kind: 'refused',
  refused: isRefused(cause) ? cause : refuse('STORE_UNAVAILABLE', undefined, { cause }),
})

function openTarget(
  publisher: Publisher,
  topic: string,
  meaning: Exclude<TopicMeaning, { kind: 'provisioning' }>,
): Target | Promise<Target> {
  if (meaning.kind === 'message' || meaning.kind === 'down') return { kind: 'message' }
  const toTarget = (ingest: DeviceIngest): Target => {
    switch (meaning.kind) {
      case 'telemetry':
        return { kind: 'telemetry', source: { ingest, topic, key: meaning.key, plain: meaning.plain ?? false } }
      case 'reply':
        return { kind: 'reply', ingest, command: meaning.command }
      default:
        return { kind: meaning.kind, ingest }
    }
  }
  const ingest = publisher.ingestOf(meaning.device)
  return ingest instanceof Promise ? ingest.then(toTarget).catch(unavailable) : toTarget(ingest)
}
