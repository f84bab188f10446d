import {
  DeadLetter,
  DeadLetterCause,
  DeadLetterChoice,
  DeadLetterPatch,
  DeliveryStatus,
  Redriven,
  Replay,
} from '@patchbay/contracts/delivery'
import { LagSeries } from '@patchbay/contracts/feed'
import { pageOf } from '@patchbay/contracts/page'
import { PluginId } from '@patchbay/contracts/plugin'
import type { DeadLetters, Letter, LetterChoice } from '@patchbay/core/delivery/dead-letters'
import { DomainError } from '@patchbay/core/errors'
import { type Static, Type } from 'typebox'
import { isFeeding } from '../parts/feeds.ts'
import { isDelivering } from '../parts/sinks.ts'
import { pageQuery, toPage } from '../rest/page.ts'
import { ref } from '../rest/ref.ts'
import type { Routes } from '../rest/route-deps.ts'

const instanceParams = { id: PluginId, name: Type.String({ minLength: 1, maxLength: 64 }) }
const one = Type.Object(instanceParams)
const letterParams = Type.Object({ ...instanceParams, letter: Type.String({ minLength: 1, maxLength: 200 }) })
const tags = ['plugins']
const base = '/api/v1/plugins/:id/instances/:name'

const toShown = ({
  id,
  body: { cause, reply, firstAt, lastAt, tries, edited, item },
}: Letter): Static<typeof DeadLetter> => ({
  id,
  cause,
  reply,
  firstAt,
  lastAt,
  tries,
  edited,
  item,
})

const toChoice = ({ ids, cause }: Static<typeof DeadLetterChoice>): LetterChoice => ({
  ...(ids ? { ids } : {}),
  ...(cause === undefined ? {} : { cause }),
})

/** Dead letters of sinks and of sources are looked at and dropped in the same way. */
type Letters = Pick<DeadLetters<never>, 'list' | 'causes' | 'edit' | 'choose' | 'drop'>

/** What sinks have delivered and sources have taken, and what was refused. */
export const deliveryRoutes: Routes = (app, { deliveries, feeds, lagHistory, plugins }) => {
  /** Of a sink or a source. Throws for an instance that is not there or is neither. */
  const boxOf = ({ id, name }: { id: string; name: string }) => {
    plugins().instance(id, name)
    const instance = `${id}/${name}`
    const { manifest } = plugins().plugin(id)
    if (!isFeeding(manifest) && !isDelivering(manifest))
      throw new DomainError('NOT_FOUND', `${id} is no sink and no source: it delivers nothing.`)
    const box = isFeeding(manifest) ? feeds : deliveries
    return {
      instance,
      letters: async (): Promise<Letters> => box.letters(instance),
      redrive: (choice: LetterChoice) => box.redrive(instance, choice),
    }
  }
  /** `plugin/name`; throws for an instance that is not there or delivers nothing. */
  const find = ({ id, name }: { id: string; name: string }): string => {
    plugins().instance(id, name)
    if (!isDelivering(plugins().plugin(id).manifest))
      throw new DomainError('NOT_FOUND', `${id} is no sink: it delivers nothing.`)
    return `${id}/${name}`
  }

  app.get(
    `${base}/dead-letters`,
    {
      config: { permission: 'plugins.read' },
      schema: {
        operationId: 'listDeadLetters',
        summary: 'Records that the target refused, or messages that the source could not take, in order',
        tags,
        params: one,
        querystring: pageQuery({ cause: Type.Optional(Type.String({ maxLength: 64 })) }),
        response: { 200: pageOf(ref(DeadLetter)) },
      },
    },
    async ({ params, query }) => {
      const letters = await boxOf(params).letters()
      const { items, ...more } = await letters.list({
        ...toPage(query),
        ...(query.cause === undefined ? {} : { cause: query.cause }),
      })
      return { items: items.map(toShown), ...more }
    },
  )
  app.get(
    `${base}/dead-letters/causes`,
    {
      config: { permission: 'plugins.read' },
      schema: {
        operationId: 'listDeadLetterCauses',
        summary: 'Why records were refused, in the remote’s own words, and how many of each',
        tags,
        params: one,
        response: { 200: Type.Object({ items: Type.Array(DeadLetterCause) }) },
      },
    },
    async ({ params }) => ({ items: (await boxOf(params).letters()).causes() }),
  )
  app.patch(
    `${base}/dead-letters/:letter`,
    {
      config: { permission: 'plugins.write' },
      schema: {
        operationId: 'editDeadLetter',
        summary: 'Changes what will be sent',
        tags,
        params: letterParams,
        body: DeadLetterPatch,
        response: { 200: ref(DeadLetter) },
      },
    },
    async ({ params, body }) => toShown(await (await boxOf(params).letters()).edit(params.letter, body.item)),
  )
  app.post(
    `${base}/dead-letters/redrive`,
    {
      config: { permission: 'plugins.write' },
      schema: {
        operationId: 'redriveDeadLetters',
        summary: 'Sends dead letters again; those that are taken are gone',
        tags,
        params: one,
        body: DeadLetterChoice,
        response: { 200: Redriven },
      },
    },
    async ({ params, body }) => boxOf(params).redrive(toChoice(body)),
  )
  app.post(
    `${base}/dead-letters/drop`,
    {
      config: { permission: 'plugins.write' },
      schema: {
        operationId: 'dropDeadLetters',
        summary: 'Deletes dead letters for good',
        tags,
        params: one,
        body: DeadLetterChoice,
        response: { 200: Type.Object({ dropped: Type.Integer() }) },
      },
    },
    async ({ params, body }) => {
      const letters = await boxOf(params).letters()
      return { dropped: await letters.drop(await letters.choose(toChoice(body))) }
    },
  )
  app.get(
    `${base}/lag`,
    {
      config: { permission: 'plugins.read' },
      schema: {
        operationId: 'readLag',
        summary: 'How far a sink or source was behind in the last hour',
        tags,
        params: one,
        response: { 200: LagSeries },
      },
    },
    async ({ params }) => lagHistory.of(boxOf(params).instance),
  )
  app.post(
    `${base}/replay`,
    {
      config: { permission: 'plugins.write' },
      schema: {
        operationId: 'replayInstance',
        summary: 'Sends everything from a time on again, then goes on; `now` leaves out what waits',
        tags,
        params: one,
        body: Replay,
        response: { 202: DeliveryStatus },
      },
    },
    async ({ params, body }, reply) => {
      const instance = find(params)
      await deliveries.replay(instance, body.from)
      const status = await deliveries.status(instance)
      if (!status) throw new DomainError('NOT_FOUND', `${instance} has never delivered anything.`)
      return reply.code(202).send(status)
    },
  )
}
