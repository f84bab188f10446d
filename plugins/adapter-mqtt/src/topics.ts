/** No topic and no filter has more levels, whatever the configuration says: the bus and recursion end there. */
export const mostTopicLevels = 200

export interface TopicLimits {
  maxTopicBytes: number
  maxTopicLevels: number
}

const plus = '+'
const hash = '#'

const sizeProblem = (text: string): string | undefined => {
  if (text.length === 0) return 'is empty' // [MQTT-4.7.3-1]
  if (text.includes('\u0000')) return 'has the character U+0000' // [MQTT-4.7.3-2]
  return countLevels(text) > mostTopicLevels + 1 ? `has more than ${mostTopicLevels} separators` : undefined
}

/** Which limit a well-formed topic or filter is over, if any. */
export function limitProblem(text: string, { maxTopicBytes, maxTopicLevels }: TopicLimits): string | undefined {
  if (Buffer.byteLength(text) > maxTopicBytes) return `is over ${maxTopicBytes} bytes`
  return countLevels(text) > maxTopicLevels ? `has more than ${maxTopicLevels} levels` : undefined
}

function countLevels(text: string): number {
  let levels = 1
  for (let at = text.indexOf('/'); at !== -1; at = text.indexOf('/', at + 1)) levels++
  return levels
}

/** What is wrong with a topic name, if anything. */
export function topicProblem(topic: string): string | undefined {
  const size = sizeProblem(topic)
  if (size !== undefined) return size
  // [MQTT-3.3.2-2] a PUBLISH has no wildcards in its topic name
  return topic.includes(plus) || topic.includes(hash) ? 'has a wildcard' : undefined
}

/** What is wrong with a topic filter, if anything: wildcards fill a whole level, and `#` is the last. [MQTT-4.7.1-1] [MQTT-4.7.1-2] */
export function filterProblem(filter: string): string | undefined {
  const size = sizeProblem(filter)
  if (size !== undefined) return size
  const levels = filter.split('/')
  for (const [at, level] of levels.entries()) {
    if (level.includes(hash) && (level !== hash || at !== levels.length - 1)) return 'has # where it may not be'
    if (level.includes(plus) && level !== plus) return 'has + beside other characters'
  }
  return undefined
}

const reserved = ['$SYS', '$CONTROL', '$share', '$queue']

/** [MQTT 5, 4.7.2] the broker's own; other topics that begin with $ are hidden from wildcards, and no more. */
export const isReserved = (topic: string): boolean =>
  topic.startsWith('$') && reserved.some((name) => topic === name || topic.startsWith(`${name}/`))

/** Whether a topic (or a narrower filter) lies in a filter. A wildcard in front does not match `$` topics. [MQTT-4.7.2-1] */
export function matchesFilter(filter: string, topic: string): boolean {
  if (filter === topic) return true
  if (topic.startsWith('$') && !filter.startsWith('$')) return false
  const wanted = filter.split('/')
  const given = topic.split('/')
  for (const [at, level] of wanted.entries()) {
    if (level === hash) return true
    const there = given[at]
    if (there === undefined) return false
    if (there === hash) return false
    if (level !== plus && level !== there) return false
  }
  return wanted.length === given.length
}
