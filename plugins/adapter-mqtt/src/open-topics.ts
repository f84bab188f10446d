import { matchesFilter } from './topics.ts'

/** Whether clients without credentials may publish or subscribe it. */
export const isOpen = ({ openTopics }: { openTopics: readonly string[] }, topicOrFilter: string): boolean =>
  openTopics.some((filter) => matchesFilter(filter, topicOrFilter))
