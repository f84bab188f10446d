import type { Item } from './item.ts'

/** The state of some items as JSON text by kind: `"devices":{...},"messages":{...}`. Items of a kind stand together. */
export function toState(items: readonly Item[], toMembers: (item: Item) => string): string {
  let text = ''
  let kind: string | undefined
  let members = ''
  const flush = (): void => {
    if (members !== '') text += `${text === '' ? '' : ','}"${kind}":{${members}}`
    members = ''
  }
  for (const item of items) {
    if (item.kind !== kind) {
      flush()
      kind = item.kind
    }
    const member = toMembers(item)
    if (member !== '') members += members === '' ? member : `,${member}`
  }
  flush()
  return text
}

/** Sorted as `toState` wants them, each once. */
export const inOrder = (items: Iterable<Item>): Item[] =>
  [...new Set(items)].toSorted((a, b) => compare(a.kind, b.kind) || compare(a.id, b.id))

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
