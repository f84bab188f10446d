import { Type, type Static } from 'typebox'
import { DeliveryLag } from './delivery.ts'
import { Time } from './id.ts'

/** What a source has brought in. Counts are since it started; what was refused is kept. */
export const FeedStatus = Type.Object({
  taken: Type.Integer({ description: 'Messages whose readings are durable here' }),
  refused: Type.Integer({ description: 'Messages that could not be taken: each became a dead letter' }),
  unkept: Type.Integer({
    description: 'Of those, how many are not kept, since there were as many dead letters as may be',
  }),
  rate: Type.Number({ description: 'Messages a second, over the last minute' }),
  deadLetters: Type.Integer({ description: 'Dead letters that are there now' }),
  lag: Type.Optional(
    Type.Object({
      ...DeliveryLag.properties,
      records: Type.Integer({ description: 'Messages that wait at the other side' }),
      seconds: Type.Number({ description: 'About how old the first of them is' }),
    }),
  ),
  lastError: Type.Optional(
    Type.Object({ at: Time, text: Type.String({ description: 'Why the last one was refused' }) }),
  ),
})
export type FeedStatus = Static<typeof FeedStatus>

/** How far a sink or source is behind, over time. */
export const LagSeries = Type.Object({
  everySeconds: Type.Integer({ description: 'Between two samples' }),
  items: Type.Array(
    Type.Object({
      at: Time,
      records: Type.Integer({ description: 'Waiting' }),
      seconds: Type.Number({ description: 'For so long' }),
      rate: Type.Number({ description: 'Records or messages a second' }),
    }),
    { description: 'Oldest first; kept in memory for an hour, from the start on' },
  ),
})
export type LagSeries = Static<typeof LagSeries>
