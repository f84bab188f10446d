import { matchesFilter } from './topics.ts'

/**
 * Whether clients without credentials may publish or subscribe it; `#` alone opens everything, topics with $ too, and a filter with a
 * `!` in front closes what lies in it again.
 */
export const isOpen = ({ openTopics }: { openTopics: readonly string[] }, topicOrFilter: string): boolean =>
  openTopics.some((filter) => filter === '#' || matchesFilter(filter, topicOrFilter)) &&
  !openTopics.some((filter) => filter.startsWith('!') && matchesFilter(filter.slice(1), topicOrFilter))
