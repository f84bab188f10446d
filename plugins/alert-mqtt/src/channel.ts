import { isRefused, type Messages, type Notification } from '@patchbay/sdk'
import { type AlertChannel, answerOf, DeliveryRefused, openTemplate, toValues } from '@patchbay/sdk/alert-channel'
import { escapeJson } from '@patchbay/sdk/template-escape'
import type { Config } from './config.ts'

/** A value becomes one level of a topic: what would begin another level or be a wildcard is replaced. */
const escapeLevel = (text: string): string => text.replaceAll(/[/+#\0]/g, '_')

const qosOf = { '0': 0, '1': 1, '2': 2 } as const

/** Reasons that time cannot heal. */
const permanent: ReadonlySet<string> = new Set([
  'forbidden',
  'malformed',
  'invalid',
  'too-large',
  'banned',
  'credentials',
])

/** Throws BadConfig for what is wrong by itself. Without `messages` it can only be checked, not used. */
export async function openChannel(config: Config, messages: Messages | undefined): Promise<AlertChannel> {
  const topic = await openTemplate('/topic', config.topic, { escape: escapeLevel })
  const payload = config.payload ? await openTemplate('/payload', config.payload, { escape: escapeJson }) : undefined
  const toPayload = (notification: Notification): string =>
    payload ? payload.render(toValues(notification)) : JSON.stringify(notification)

  return {
    deliver: (notification) =>
      answerOf(async () => {
        const to = topic.render(toValues(notification)).trim()
        const how = {
          qos: qosOf[config.qos],
          retain: config.retain,
          // The same notification again is answered as before and goes out once.
          idempotencyKey: notification.id,
        }
        if (!messages) return { outcome: 'delivered', reply: `would publish to ${to}` }
        try {
          await messages.publish(to, Buffer.from(toPayload(notification)), how)
        } catch (error) {
          if (isRefused(error) && permanent.has(error.reason))
            throw new DeliveryRefused(error.message, { cause: error })
          throw error
        }
        return { outcome: 'delivered', reply: `published to ${to}` }
      }, []),
  }
}
