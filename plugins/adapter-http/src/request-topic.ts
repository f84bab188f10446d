import { refuse } from './errors.ts'

const prefix = '/v1/'

/** What is asked for: the topic in the path, decoded once, and the query. Throws Refused for a path that is not well encoded. */
export function toTopic(url: string): { topic: string; query: URLSearchParams } {
  const mark = url.indexOf('?')
  const path = mark < 0 ? url : url.slice(0, mark)
  if (!path.startsWith(prefix)) throw refuse('HTTP_PATH_ENCODING')
  const levels = path.slice(prefix.length).split('/').map(decodeLevel)
  return { topic: levels.join('/'), query: new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1)) }
}

function decodeLevel(level: string): string {
  if (!level.includes('%')) return level
  let decoded: string
  try {
    decoded = decodeURIComponent(level)
  } catch (cause) {
    throw refuse('HTTP_PATH_ENCODING', undefined, cause)
  }
  // A level cannot hold a slash: two spellings of one topic would let a proxy in front see another topic than we do.
  if (decoded.includes('/')) throw refuse('HTTP_PATH_ENCODING')
  return decoded
}
