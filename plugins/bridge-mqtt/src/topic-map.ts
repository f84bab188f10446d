import { BadConfig } from '@patchbay/sdk'

import type { Convert, PresetRow } from './preset.ts'

/** A row of a configuration: what is taken by a filter goes to a topic. */
export interface MapRow {
  readonly from: string
  readonly to?: string
  readonly qos?: '0' | '1' | '2' | 0 | 1 | 2
  readonly retain?: boolean
}

/** Leads topics of one side to topics of the other. */
export interface TopicMap {
  readonly filter: string
  /** All topics that it leads to. */
  readonly target: string
  readonly qos: 0 | 1 | 2 | undefined
  readonly retain: boolean
  readonly convert: Convert | undefined
  /** Undefined: the topic is not one of the filter. */
  toTopic(topic: string): string | undefined
}

const maxTopicBytes = 65_535

/** What the wildcards of a filter stand for in a topic; undefined: it does not match. */
function readWildcards(filter: readonly string[], topic: readonly string[]): string[] | undefined {
  const found: string[] = []
  for (const [index, level] of filter.entries()) {
    if (level === '#') return [...found, topic.slice(index).join('/')]
    const own = topic[index]
    if (own === undefined) return undefined
    if (level === '+') found.push(own)
    else if (level !== own) return undefined
  }
  return filter.length === topic.length ? found : undefined
}

/** `a/#` stands for `a`, too. [MQTT 4.7.1.2] */
function wildcardsOf(filter: readonly string[], topic: string): string[] | undefined {
  // [MQTT-4.7.2-1] a leading wildcard stands for no topic with $.
  if (topic.startsWith('$') && (filter[0] === '#' || filter[0] === '+')) return undefined
  return readWildcards(filter, topic.split('/'))
}

const isFilter = (filter: string): boolean =>
  filter !== '' &&
  !filter.includes('\0') &&
  Buffer.byteLength(filter) <= maxTopicBytes &&
  filter.split('/').every((level, index, all) => {
    if (level === '#') return index === all.length - 1
    return level === '+' || !/[+#]/.test(level)
  })

const count = (levels: readonly string[], wildcard: string): number =>
  levels.filter((level) => level === wildcard).length

/** Throws BadConfig with the path of what is wrong. */
export function toTopicMap({ from, to = '', qos, retain = false, convert }: PresetRow, path: string): TopicMap {
  let sent = 0
  if (!isFilter(from))
    throw new BadConfig(`${path}/from`, `${from} is no topic filter: a wildcard has a level for itself.`)
  const levels = from.split('/')
  const wanted = to === '' ? '{topic}' : to.endsWith('/') ? `${to}{topic}` : to
  const parts = wanted.split('/')
  if (!isFilter(wanted)) throw new BadConfig(`${path}/to`, `${to} is no topic: a wildcard has a level for itself.`)
  if (count(parts, '+') > count(levels, '+'))
    throw new BadConfig(`${path}/to`, `${to} has more + than ${from}, so there is nothing to put there.`)
  if (count(parts, '#') > count(levels, '#')) throw new BadConfig(`${path}/to`, `${to} has a #, and ${from} has none.`)

  const fill = (part: string, topic: string, found: readonly string[]): string =>
    part.includes('{')
      ? part
          .replaceAll('{topic}', () => topic)
          .replaceAll(/\{([1-9])\}/g, (_, nth: string) => found[Number(nth) - 1] ?? '')
          .replaceAll('{n}', () => String((sent += 1)))
      : part
  const toTopic = (topic: string): string | undefined => {
    const found = wildcardsOf(levels, topic)
    if (!found) return undefined
    const rest = levels.at(-1) === '#' ? found.at(-1) : undefined
    let next = 0
    const filled: string[] = []
    for (const part of parts) {
      if (part === '+') filled.push(found[next++] ?? '')
      else if (part !== '#') filled.push(fill(part, topic, found))
      else if (rest !== undefined && rest !== '') filled.push(rest)
    }
    return filled.join('/')
  }
  return {
    filter: from,
    // A placeholder is one level of which anything can be said, as far as filters go.
    target: wanted
      .replaceAll('{topic}', () => from)
      .split('/')
      .map((level) => (/\{([1-9]|n)\}/.test(level) ? '+' : level))
      .join('/'),
    qos: qos === undefined ? undefined : Number(qos) === 0 ? 0 : Number(qos) === 1 ? 1 : 2,
    retain,
    convert,
    toTopic,
  }
}

/** Some topic matches both filters. */
export function intersects(a: string, b: string): boolean {
  const [left, right] = [a.split('/'), b.split('/')]
  for (let index = 0; ; index += 1) {
    const [mine, other] = [left[index], right[index]]
    if (mine === '#' || other === '#') return true
    if (mine === undefined || other === undefined) return mine === other
    if (mine !== '+' && other !== '+' && mine !== other) return false
  }
}

/** The first map whose filter has the topic, and where it leads. */
export function findRoute(maps: readonly TopicMap[], topic: string): { map: TopicMap; to: string } | undefined {
  for (const map of maps) {
    const to = map.toTopic(topic)
    if (to !== undefined) return { map, to }
  }
  return undefined
}
