/** Subscriptions by filter, one node a level. */
interface Node<V> {
  children: Map<string, Node<V>>
  values: Map<string, V>
}

const newNode = <V>(): Node<V> => ({ children: new Map(), values: new Map() })

/** Finds what is kept under the filters that match a topic; each filter keeps one value a key. */
export class TopicTrie<V> {
  readonly #root = newNode<V>()
  #size = 0

  get size(): number {
    return this.#size
  }

  set(filter: string, key: string, value: V): void {
    let node = this.#root
    for (const level of filter.split('/')) {
      let next = node.children.get(level)
      if (next === undefined) {
        next = newNode<V>()
        node.children.set(level, next)
      }
      node = next
    }
    if (!node.values.has(key)) this.#size++
    node.values.set(key, value)
  }

  delete(filter: string, key: string): void {
    const path: { parent: Node<V>; level: string }[] = []
    let node = this.#root
    for (const level of filter.split('/')) {
      const next = node.children.get(level)
      if (next === undefined) return
      path.push({ parent: node, level })
      node = next
    }
    if (node.values.delete(key)) this.#size--
    for (const { parent, level } of path.toReversed()) {
      const child = parent.children.get(level)
      if (child === undefined || child.values.size > 0 || child.children.size > 0) return
      parent.children.delete(level)
    }
  }

  match(topic: string): V[] {
    const found: V[] = []
    if (this.#size > 0) collect(this.#root, topic.split('/'), 0, found)
    return found
  }
}

function collect<V>(node: Node<V>, levels: readonly string[], at: number, found: V[]): void {
  const level = levels[at]
  // [MQTT-4.7.2-1] a wildcard in front matches no topic that begins with $
  const wildcards = at > 0 || level === undefined || !level.startsWith('$')
  if (wildcards) {
    const rest = node.children.get('#') // [MQTT-4.7.1-2] the parent level as well
    if (rest !== undefined) found.push(...rest.values.values())
  }
  if (level === undefined) {
    found.push(...node.values.values())
    return
  }
  const any = wildcards ? node.children.get('+') : undefined
  if (any !== undefined) collect(any, levels, at + 1, found)
  const exact = node.children.get(level)
  if (exact !== undefined) collect(exact, levels, at + 1, found)
}
