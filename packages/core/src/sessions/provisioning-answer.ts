import type { PublishOptions } from '@patchbay/contracts/session'
import { refuse } from '../errors.ts'
import type { Provision } from '../provisioning/port.ts'
import { topics } from '../topic.ts'
import { parsePayload } from './payload.ts'
import type { Publisher } from './publisher.ts'

type AnswerProvisioning = (publisher: Publisher, bytes: Uint8Array, how: PublishOptions) => Promise<void>

/** Answers what comes to `provision/request`: to the session that asked, and never to other brokers or subscribers. */
export const createProvisioningAnswer =
  (provision: Provision): AnswerProvisioning =>
  async (publisher, bytes, how) => {
    if (how.retain) throw refuse('PAYLOAD_INVALID', 'A request for a device is not retained.')
    const payload = parsePayload(bytes, how.contentType)
    let outlet = publisher.outletOf?.(topics.provisionResponse)
    if (!outlet) {
      // A SUBSCRIBE that came in the same read is granted in this turn of the loop, and not yet.
      await new Promise((resolve) => setImmediate(resolve))
      outlet = publisher.outletOf?.(topics.provisionResponse)
    }
    if (!outlet) throw refuse('PROVISION_UNHEARD')
    const { subject, protocol, address } = publisher
    const key = subject === 'all' ? '' : subject.id
    const answer = await provision({ key, protocol, address }, payload)
    outlet({ topic: topics.provisionResponse, bytes: answer.bytes, qos: 1, retain: false })
    if (answer.refused) throw answer.refused
  }
