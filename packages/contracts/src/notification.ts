import { Type, type Static } from 'typebox'
import { DeviceId, Time } from './id.ts'
import { Severity } from './severity.ts'

/** What made a notification. `storm`: many alerts of one rule at once, listed in `group`. `test`: a person tries the channel. */
export const NotificationKind = Type.Union([
  Type.Literal('raised'),
  Type.Literal('severity'),
  Type.Literal('escalated'),
  Type.Literal('resolved'),
  Type.Literal('storm'),
  Type.Literal('test'),
])
export type NotificationKind = Static<typeof NotificationKind>

/** What an alert channel is given to deliver, and what its templates see. Everything in it that came from a device is text, never markup. */
export const Notification = Type.Object(
  {
    id: Type.String({ description: 'Idempotency key: the same for every try of this notification over one channel' }),
    kind: NotificationKind,
    at: Time,
    alert: Type.Object({
      id: Type.String(),
      severity: Severity,
      state: Type.Union([Type.Literal('open'), Type.Literal('acknowledged'), Type.Literal('resolved')]),
      raisedAt: Time,
      resolvedAt: Type.Optional(Time),
      count: Type.Integer({ minimum: 1 }),
      value: Type.Unknown({ description: 'What the condition saw: the values of the keys that it names' }),
      cause: Type.String({ description: 'The condition in words' }),
    }),
    rule: Type.Object({ id: Type.String(), name: Type.String() }),
    device: Type.Object({
      id: DeviceId,
      name: Type.Optional(Type.String()),
      type: Type.Optional(Type.String()),
      tags: Type.Array(Type.String()),
    }),
    group: Type.Optional(
      Type.Object({
        count: Type.Integer({ minimum: 1, description: 'All of the storm; the list may be shorter' }),
        alerts: Type.Array(
          Type.Object({ id: Type.String(), device: DeviceId, severity: Severity, value: Type.Unknown() }),
        ),
      }),
    ),
    link: Type.Optional(Type.String({ description: 'The alert in the console' })),
  },
  { $id: 'Notification' },
)
export type Notification = Static<typeof Notification>

/** What a try of a channel came to. `reply` holds the remote's own words, at most `maxReplyChars`. */
export const DeliveryAnswer = Type.Object({
  outcome: Type.Union([Type.Literal('delivered'), Type.Literal('retry'), Type.Literal('refused')], {
    description: 'refused: trying again cannot help, such as an unknown address',
  }),
  reply: Type.String(),
  afterMs: Type.Optional(Type.Integer({ minimum: 0, description: 'The remote asked to wait, as by Retry-After' })),
})
export type DeliveryAnswer = Static<typeof DeliveryAnswer>

export const maxReplyChars = 2000
