import { collections, type Body, type Collection, type RegistryStore, type Stored } from '@patchbay/core/registry/port'
import { copiedDocument, copyDocument } from './unfinished.ts'

const PAGE_DOCUMENTS = 500
/** Of the copy itself, in `meta`. */
const own: ReadonlySet<string> = new Set([copyDocument, copiedDocument])

/** What a document of the source is in the target: where the rules stand is told in numbers of the target's log. */
export type ToTarget = (collection: Collection, document: Stored) => Body

/** The documents of a collection, ascending by id, a page at a time. */
export async function* documentsOf(registry: RegistryStore, collection: Collection): AsyncGenerator<Stored[]> {
  let cursor: string | undefined
  do {
    const page = await registry.list(collection, {
      limit: PAGE_DOCUMENTS,
      sort: { by: 'id' },
      ...(cursor === undefined ? {} : { cursor }),
    })
    yield collection === 'meta' ? page.items.filter(({ id }) => !own.has(id)) : page.items
    cursor = page.nextCursor
  } while (cursor !== undefined)
}

/** Copies every document; one that is there from an earlier run is written over. */
export async function copyRegistry(
  from: RegistryStore,
  to: RegistryStore,
  toTarget: ToTarget,
  onPage: (documents: number) => void,
): Promise<void> {
  for (const collection of collections) {
    for await (const page of documentsOf(from, collection)) {
      if (page.length === 0) continue
      await to.append(
        collection,
        page.map((document) => ({ id: document.id, body: toTarget(collection, document) })),
      )
      onPage(page.length)
    }
  }
}
