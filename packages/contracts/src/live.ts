import { Type, type Static } from 'typebox'
import { Alert } from './alert.ts'
import { Device } from './device.ts'
import { Time } from './id.ts'
import { JobQueueCounts } from './job.ts'
import { Qos } from './message.ts'
import { InstanceStatus } from './plugin.ts'
import { LatestPoint } from './telemetry.ts'

/** What can be followed. */
export const liveKinds = ['devices', 'plugins', 'messages', 'alerts', 'jobs'] as const
export type LiveKind = (typeof liveKinds)[number]

export const maxLiveIds = 200
const closed = { additionalProperties: false } as const
const LiveName = Type.String({
  minLength: 1,
  maxLength: 64,
  description: 'Names the subscription; the kind, when left out',
})
export const LiveCursor = Type.String({ minLength: 1, maxLength: 64 })

/** Follow these ids. The same name again replaces the subscription. With the cursor of a lost connection only what changed since is sent. */
export const LiveSubscribe = Type.Object(
  {
    subscribe: Type.Object(
      {
        kind: Type.String({ maxLength: 32 }),
        ids: Type.Array(Type.String({ minLength: 1, maxLength: 128 }), { minItems: 1, maxItems: maxLiveIds }),
        name: Type.Optional(LiveName),
      },
      closed,
    ),
    cursor: Type.Optional(LiveCursor),
  },
  closed,
)
export type LiveSubscribe = Static<typeof LiveSubscribe>
export const LiveUnsubscribe = Type.Object({ unsubscribe: Type.Object({ name: LiveName }, closed) }, closed)
/** What a viewer sends. */
export const LiveRequest = Type.Union([LiveSubscribe, LiveUnsubscribe])
export type LiveRequest = Static<typeof LiveRequest>

/** A value; one too long for live has its length instead, and REST answers it. */
export const LiveValue = Type.Union([LatestPoint, Type.Object({ at: Time, size: Type.Integer() })])

/** A device. In a change only what changed is there; `replace` says that nothing from before holds; null = there is no such device. */
export const LiveDevice = Type.Union([
  Type.Null(),
  Type.Object({
    replace: Type.Optional(Type.Literal(true)),
    device: Type.Optional(Device),
    values: Type.Optional(Type.Record(Type.String(), LiveValue)),
    touched: Type.Optional(
      Type.Object({
        shadow: Type.Optional(Time),
        commands: Type.Optional(Time),
        sessions: Type.Optional(Time),
      }),
    ),
  }),
])
export type LiveDevice = Static<typeof LiveDevice>

/** A plugin and how its instances do, always whole; null = not installed. */
export const LivePlugin = Type.Union([
  Type.Null(),
  Type.Object({
    version: Type.String(),
    problem: Type.Optional(Type.Object({ code: Type.String(), text: Type.String() })),
    instances: Type.Record(Type.String(), Type.Object({ enabled: Type.Boolean(), status: InstanceStatus })),
  }),
])
export type LivePlugin = Static<typeof LivePlugin>

/** A message that came in. `n` counts all of the subscription, also those that were left out. The payload is cut after 1 KiB. */
export const LiveMessage = Type.Object({
  n: Type.Integer(),
  at: Time,
  from: Type.String(),
  device: Type.Optional(Type.String()),
  protocol: Type.String(),
  topic: Type.String(),
  qos: Qos,
  retain: Type.Boolean(),
  bytes: Type.Integer(),
  payload: Type.Optional(Type.String()),
  base64: Type.Optional(Type.String()),
  cut: Type.Optional(Type.Literal(true)),
  outcome: Type.Union([Type.Literal('stored'), Type.Literal('refused')]),
  code: Type.Optional(Type.String()),
  detail: Type.Optional(Type.String()),
})
export type LiveMessage = Static<typeof LiveMessage>

/** An alert without its timeline, always whole; its version tells that the timeline grew. null = there is none. */
export const LiveAlert = Type.Union([Type.Null(), Type.Omit(Alert, ['timeline', 'timelineLeftOut'])])
export type LiveAlert = Static<typeof LiveAlert>

export const LiveJobs = Type.Union([Type.Null(), Type.Omit(JobQueueCounts, ['name'])])

/** By kind. Messages are a list; `sampled`: some were left out. */
export const LiveState = Type.Object({
  devices: Type.Optional(Type.Record(Type.String(), LiveDevice)),
  plugins: Type.Optional(Type.Record(Type.String(), LivePlugin)),
  alerts: Type.Optional(Type.Record(Type.String(), LiveAlert)),
  jobs: Type.Optional(Type.Record(Type.String(), LiveJobs)),
  messages: Type.Optional(Type.Object({ items: Type.Array(LiveMessage), sampled: Type.Optional(Type.Literal(true)) })),
})
export type LiveState = Static<typeof LiveState>

/** What the server sends. A snapshot in several frames says `more` in all but the last. */
export const LiveFrame = Type.Union([
  Type.Object({
    snapshot: LiveState,
    name: Type.String(),
    more: Type.Optional(Type.Literal(true)),
    cursor: LiveCursor,
  }),
  Type.Object({ resumed: LiveState, name: Type.String(), cursor: LiveCursor }),
  Type.Object({ change: LiveState, cursor: LiveCursor }),
  Type.Object({
    error: Type.Object({ code: Type.String(), detail: Type.String(), name: Type.Optional(Type.String()) }),
  }),
])
export type LiveFrame = Static<typeof LiveFrame>
