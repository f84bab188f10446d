import { createHash } from 'node:crypto'
import { DomainError } from '../errors.ts'
import type { RegistryStore, Stored } from '../registry/port.ts'
import type { RefusedItem } from './batch-pass.ts'
import { deliveryLimits } from './limits.ts'
import type { Deliverable, Source } from './port.ts'

const collection = 'dead_letters'
const pageSize = 200

/** What is kept of an item that the target refused. */
export interface LetterBody {
  [field: string]: unknown
  instance: string
  /** Letters with the same words, numbers and quoted parts aside, have the same cause. */
  cause: string
  /** The remote's own words, of the last try. */
  reply: string
  /** ISO 8601: when it was refused first and last. */
  firstAt: string
  lastAt: string
  tries: number
  edited: boolean
  /** Of the item; the target may know it. */
  itemId: string
  item: Record<string, unknown>
}

export interface Letter {
  id: string
  body: LetterBody
}

export interface Cause {
  cause: string
  reply: string
  count: number
  firstAt: string
  lastAt: string
}

/** Which letters a call is about. All, when neither is given. */
export interface LetterChoice {
  ids?: readonly string[]
  cause?: string
}

/** The dead letters of one instance. */
export interface DeadLetters<T extends Deliverable> {
  /** Counts what is there. */
  load(): Promise<void>
  readonly count: number
  /** So many more would fit. */
  readonly room: number
  causes(): Cause[]
  /** Durable when resolved. The same item again is the same letter. */
  park(refused: readonly RefusedItem<T>[], nowIso: string): Promise<void>
  list(query: { cause?: string; limit: number; cursor?: string }): Promise<{ items: Letter[]; nextCursor?: string }>
  /** Rejects with NOT_FOUND or FIELD_INVALID. */
  edit(id: string, item: Record<string, unknown>): Promise<Letter>
  /** The chosen ones, so many as one call handles. */
  choose(choice: LetterChoice): Promise<Letter[]>
  /** The same with what they hold; those that hold nothing that can be sent are left out. */
  take(choice: LetterChoice): Promise<{ letter: Letter; item: T }[]>
  /** They have been delivered, or nobody wants them. */
  drop(letters: readonly Letter[]): Promise<number>
}

/** Numbers and what stands in quotes differ from record to record; the cause is what stays. */
export function toCause(reply: string): string {
  const plain = reply.replaceAll(/(["'`])(?:(?!\1).)*\1/g, '…').replaceAll(/[0-9]+/g, '#')
  return createHash('sha256').update(plain.slice(0, 300)).digest('hex').slice(0, 12)
}

/** As items are numbered: ids of letters sort as their items were stored. */
const toLetterId = (itemId: string): string => itemId.replace(/\d+$/, (digits) => digits.padStart(16, '0'))

const absent = (id: string): DomainError => new DomainError('NOT_FOUND', `There is no dead letter "${id}".`)

export function createDeadLetters<T extends Deliverable>({
  registry,
  instance,
  source,
}: {
  registry: RegistryStore
  instance: string
  source: Pick<Source<T>, 'toLetter' | 'ofLetter'>
}): DeadLetters<T> {
  const causes = new Map<string, Cause>()
  const prefix = `${instance}/`
  let count = 0

  const toLetter = ({ id, body }: Stored<LetterBody>): Letter => ({ id: id.slice(prefix.length), body })
  const add = ({ cause, reply, firstAt, lastAt }: LetterBody, by: 1 | -1): void => {
    count += by
    const known = causes.get(cause)
    if (!known) {
      if (by > 0) causes.set(cause, { cause, reply, count: 1, firstAt, lastAt })
      return
    }
    known.count += by
    if (known.count <= 0) causes.delete(cause)
    else if (by > 0) {
      known.reply = reply
      if (firstAt < known.firstAt) known.firstAt = firstAt
      if (lastAt > known.lastAt) known.lastAt = lastAt
    }
  }
  const get = async (id: string): Promise<Letter | undefined> => {
    const found = await registry.get<LetterBody>(collection, prefix + id)
    return found && toLetter(found)
  }
  const page = async (query: { cause?: string; limit: number; cursor?: string }) => {
    const { items, nextCursor } = await registry.list<LetterBody>(collection, {
      where: { instance, ...(query.cause === undefined ? {} : { cause: query.cause }) },
      limit: query.limit,
      ...(query.cursor === undefined ? {} : { cursor: query.cursor }),
    })
    return { items: items.map(toLetter), ...(nextCursor === undefined ? {} : { nextCursor }) }
  }
  const chosen = async ({ ids, cause }: LetterChoice): Promise<Letter[]> => {
    const most = deliveryLimits.lettersAtOnce
    if (ids) return (await Promise.all(ids.slice(0, most).map(get))).filter((letter) => letter !== undefined)
    const letters: Letter[] = []
    let cursor: string | undefined
    do {
      const more = await page({
        limit: Math.min(pageSize, most - letters.length),
        ...(cause === undefined ? {} : { cause }),
        ...(cursor === undefined ? {} : { cursor }),
      })
      letters.push(...more.items)
      cursor = more.nextCursor
    } while (cursor !== undefined && letters.length < most)
    return letters
  }

  return {
    get count() {
      return count
    },
    get room() {
      return Math.max(0, deliveryLimits.letters - count)
    },
    async load() {
      causes.clear()
      count = 0
      let cursor: string | undefined
      do {
        const more = await page({ limit: pageSize, ...(cursor === undefined ? {} : { cursor }) })
        for (const { body } of more.items) add(body, 1)
        cursor = more.nextCursor
      } while (cursor !== undefined)
    },
    causes: () => [...causes.values()].toSorted((a, b) => b.count - a.count).slice(0, deliveryLimits.causes),
    async park(refused, nowIso) {
      const documents: { id: string; body: LetterBody }[] = []
      const before: (Letter | undefined)[] = []
      for (const { item, reply } of refused) {
        const id = toLetterId(item.id)
        const known = await get(id)
        before.push(known)
        documents.push({
          id: prefix + id,
          body: {
            instance,
            cause: toCause(reply),
            reply: reply.slice(0, deliveryLimits.replyChars),
            firstAt: known?.body.firstAt ?? nowIso,
            lastAt: nowIso,
            tries: (known?.body.tries ?? 0) + 1,
            edited: known?.body.edited ?? false,
            itemId: item.id,
            item: source.toLetter(item),
          },
        })
      }
      await registry.append(collection, documents)
      for (const [index, { body }] of documents.entries()) {
        const known = before[index]
        if (known) add(known.body, -1)
        add(body, 1)
      }
    },
    list: page,
    async edit(id, item) {
      const stored = await registry.get<LetterBody>(collection, prefix + id)
      if (!stored) throw absent(id)
      const body: LetterBody = { ...stored.body, item: { ...stored.body.item, ...item }, edited: true }
      if (!source.ofLetter(body.itemId, body.item))
        throw new DomainError('FIELD_INVALID', 'The letter would hold nothing that can be sent.', {
          fields: [{ path: '/item', code: 'invalid', message: 'must be as it was, with other values' }],
        })
      const put = await registry.put(collection, prefix + id, body, stored.version)
      if (!put.ok) throw new DomainError('VERSION_CONFLICT', `The dead letter "${id}" was changed meanwhile.`)
      return { id, body }
    },
    choose: chosen,
    async take(choice) {
      const letters = await chosen(choice)
      return letters.flatMap((letter) => {
        const item = source.ofLetter(letter.body.itemId, letter.body.item)
        return item ? [{ letter, item }] : []
      })
    },
    async drop(letters) {
      let dropped = 0
      for (const { id, body } of letters) {
        if (!(await registry.delete(collection, prefix + id)).ok) continue
        add(body, -1)
        dropped += 1
      }
      return dropped
    },
  }
}

/** All dead letters of an instance that is gone. */
export async function forgetLetters(registry: RegistryStore, instance: string): Promise<void> {
  while ((await registry.deleteWhere(collection, { prefix: `${instance}/`, limit: pageSize })) === pageSize);
}
