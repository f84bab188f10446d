import { Type, type Static } from 'typebox'
import { DeviceId, Name, Time, Version } from './id.ts'
import { NotificationKind } from './notification.ts'
import { Severity } from './severity.ts'

/** open: nobody took it on; acknowledged: somebody did; resolved: it is over, by itself or by hand, and stays so. */
export const AlertState = Type.Union([Type.Literal('open'), Type.Literal('acknowledged'), Type.Literal('resolved')])
export type AlertState = Static<typeof AlertState>

export const TimelineKind = Type.Union([
  Type.Literal('raised'),
  Type.Literal('severity'),
  Type.Literal('repeated'),
  Type.Literal('acknowledged'),
  Type.Literal('reopened'),
  Type.Literal('assigned'),
  Type.Literal('commented'),
  Type.Literal('silenced'),
  Type.Literal('silence-ended'),
  Type.Literal('flapping'),
  Type.Literal('calm'),
  Type.Literal('escalated'),
  Type.Literal('resolved'),
  Type.Literal('notified'),
  Type.Literal('grouped'),
  Type.Literal('withheld'),
  Type.Literal('delivery'),
  Type.Literal('retried'),
])
export type TimelineKind = Static<typeof TimelineKind>

/** One step in the life of an alert, or one try to tell somebody of it. */
export const TimelineEntry = Type.Object({
  at: Time,
  kind: TimelineKind,
  by: Type.Optional(Type.String({ description: 'rule, platform, or who: user:ada, key:0f3c' })),
  text: Type.Optional(Type.String({ description: 'The cause, comment or reason; of a delivery the remote’s answer' })),
  severity: Type.Optional(Severity),
  value: Type.Optional(Type.Unknown()),
  times: Type.Optional(Type.Integer({ description: 'How many repeats this entry stands for' })),
  notification: Type.Optional(Type.String({ description: 'Idempotency key of the delivery' })),
  notificationKind: Type.Optional(NotificationKind),
  channel: Type.Optional(Type.String()),
  channels: Type.Optional(Type.Array(Type.String())),
  attempt: Type.Optional(Type.Integer({ minimum: 1 })),
  outcome: Type.Optional(
    Type.Union([
      Type.Literal('delivered'),
      Type.Literal('retry'),
      Type.Literal('refused'),
      Type.Literal('expired', { description: 'Tried for 24 h' }),
    ]),
  ),
  nextTryAt: Type.Optional(Time),
})
export type TimelineEntry = Static<typeof TimelineEntry>

/** What a rule found at a device, and all that became of it. There is at most one active (not resolved) alert for a rule and device. */
export const Alert = Type.Object(
  {
    id: Type.String(),
    rule: Type.String({ description: 'Id of the rule; system:* are the platform’s own' }),
    ruleName: Type.String(),
    device: DeviceId,
    deviceName: Type.Optional(Type.String()),
    severity: Severity,
    state: AlertState,
    raisedAt: Time,
    acknowledgedAt: Type.Optional(Time),
    acknowledgedBy: Type.Optional(Type.String()),
    resolvedAt: Type.Optional(Time),
    resolvedBy: Type.Optional(Type.String()),
    assignee: Type.Optional(Type.String()),
    silencedUntil: Type.Optional(Time),
    flapping: Type.Optional(Type.Literal(true)),
    count: Type.Integer({ minimum: 1, description: 'How often the condition was met while it was active' }),
    value: Type.Unknown({ description: 'What the condition saw last' }),
    cause: Type.String(),
    notifications: Type.Object({
      pending: Type.Integer({ description: 'Deliveries that are still tried' }),
      failed: Type.Integer({ description: 'Deliveries that were refused or given up after 24 h' }),
    }),
    timeline: Type.Array(TimelineEntry, { description: 'In lists only the newest entries' }),
    timelineLeftOut: Type.Integer({ description: 'Entries that are not in the timeline' }),
    version: Version,
  },
  { $id: 'Alert' },
)
export type Alert = Static<typeof Alert>

const closed = { additionalProperties: false } as const
const Comment = Type.String({ minLength: 1, maxLength: 2000 })

/** Body of acknowledge and resolve: it may say why. */
export const AlertNote = Type.Object({ comment: Type.Optional(Comment) }, closed)
export type AlertNote = Static<typeof AlertNote>
export const AlertComment = Type.Object({ text: Comment }, closed)
export const AlertAssignment = Type.Object({ assignee: Type.Union([Name, Type.Null()]) }, closed)
export const AlertSilence = Type.Object(
  { until: Type.Union([Time, Type.Null()], { description: 'Nobody is notified before; null ends the silence' }) },
  closed,
)
