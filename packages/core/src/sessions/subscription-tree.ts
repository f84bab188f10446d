/** Filters by their levels, so that a topic finds its subscribers without looking at the others. */
export interface SubscriptionTree<T> {
  readonly size: number
  add(filter: string, item: T): void
  remove(filter: string, item: T): void
  /** Every item once per filter of it that matches. */
  match(topic: string): T[]
}

interface Node<T> {
  /** By level; `+` and `#` are levels like others here, since no topic holds them. */
  readonly children: Map<string, Node<T>>
  readonly items: Set<T>
}

export function createSubscriptionTree<T>(): SubscriptionTree<T> {
  const root = emptyNode<T>()
  let size = 0

  function collect(node: Node<T>, levels: readonly string[], depth: number, found: T[]): void {
    // [MQTT-4.7.2-1] Wildcards at the beginning do not reach topics that begin with $.
    const wild = depth > 0 || !levels[0]?.startsWith('$')
    const all = wild ? node.children.get('#') : undefined
    // "a/#" also matches "a" itself, hence it is looked at before the end of the topic.
    if (all) found.push(...all.items)
    const level = levels[depth]
    if (level === undefined) {
      found.push(...node.items)
      return
    }
    const named = node.children.get(level)
    if (named) collect(named, levels, depth + 1, found)
    const any = wild ? node.children.get('+') : undefined
    if (any) collect(any, levels, depth + 1, found)
  }

  return {
    get size() {
      return size
    },
    add(filter, item) {
      let node = root
      for (const level of filter.split('/')) {
        let child = node.children.get(level)
        if (!child) node.children.set(level, (child = emptyNode()))
        node = child
      }
      if (!node.items.has(item)) size++
      node.items.add(item)
    },
    remove(filter, item) {
      const path: { node: Node<T>; level: string }[] = []
      let node = root
      for (const level of filter.split('/')) {
        const child = node.children.get(level)
        if (!child) return
        path.push({ node, level })
        node = child
      }
      if (node.items.delete(item)) size--
      for (let last = path.pop(); last && node.items.size === 0 && node.children.size === 0; last = path.pop()) {
        last.node.children.delete(last.level)
        node = last.node
      }
    },
    match(topic) {
      const found: T[] = []
      if (size > 0) collect(root, topic.split('/'), 0, found)
      return found
    },
  }
}

const emptyNode = <T>(): Node<T> => ({ children: new Map(), items: new Set() })
