import { DomainError } from '../errors.ts'
import { maxTopicBytes, maxTopicLevels } from '../topic.ts'

/** `+` and `#` stand alone in a level, `#` only as the last one. */
const isFilter = (filter: string): boolean => {
  const levels = filter.split('/')
  return (
    filter !== '' &&
    !filter.includes('\0') &&
    Buffer.byteLength(filter) <= maxTopicBytes &&
    levels.length <= maxTopicLevels &&
    levels.every(
      (level, index) =>
        level === '+' || (level === '#' ? index === levels.length - 1 : !level.includes('+') && !level.includes('#')),
    )
  )
}

export const assertFilters = (path: string, filters: readonly string[]): void => {
  const wrong = filters.flatMap((filter, index) =>
    isFilter(filter) ? [] : [{ path: `${path}/${index}`, code: 'filter', message: 'is not a topic filter' }],
  )
  if (wrong.length > 0) throw new DomainError('FIELD_INVALID', 'A topic filter is not well formed.', { fields: wrong })
}
