import type { DeliveryAnswer, Notification } from '@patchbay/contracts/notification'
import type { RuleBook } from '@patchbay/core/alerts/rule-book'
import { definePlugin, field } from '@patchbay/sdk'

export interface Told {
  channel: string
  attempt: number
  notification: Notification
}

/** An alert channel whose answers are the test's; each instance is a channel of its own. */
export const createRecordingChannel = (answer: (told: Told) => DeliveryAnswer | Promise<DeliveryAnswer>) => {
  const told: Told[] = []
  const plugin = definePlugin({
    config: { note: field.text({ default: '' }) },
    setup(ctx) {
      ctx.alertChannel('main', {
        async deliver(notification, { attempt }) {
          const one = { channel: ctx.instance.name, attempt, notification }
          told.push(one)
          return answer(one)
        },
      })
    },
  })
  return { told, plugin }
}

/** Rules as a test wants them: every id has these texts, but those of the platform. */
export const toRuleBook = (channels: readonly string[]): RuleBook => ({
  ruleOf: (id) => (id.startsWith('system:') ? undefined : { id, name: `Rule ${id}`, channels, escalate: [] }),
})
