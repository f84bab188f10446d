import type { Source } from './port.ts'

/** A message that could not be taken, as its source describes it. */
export interface FeedItem {
  /** The same message has the same id. */
  readonly id: string
  readonly body: Readonly<Record<string, unknown>>
}

const isBody = (body: unknown): body is Record<string, unknown> =>
  typeof body === 'object' && body !== null && !Array.isArray(body)

/** Messages as letters hold them: what they hold is their source's affair. */
export const letterOfMessage: Pick<Source<FeedItem>, 'toLetter' | 'ofLetter'> = {
  toLetter: ({ body }) => ({ ...body }),
  ofLetter: (id, body) => (isBody(body) ? { id, body } : undefined),
}
