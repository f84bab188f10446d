import { keepPreviousData, useInfiniteQuery } from '@tanstack/vue-query'
import { computed, type MaybeRefOrGetter, toValue } from 'vue'
import { api, type ApiProblem, type Query } from './client.ts'

interface Page<T> {
  items: T[]
  nextCursor?: string
}

/** A list that was scrolled further than this is not asked for anew as a whole when the tab is looked at again. */
const maxRefreshedPages = 5

/** A list by pages: `rows` are those that are loaded, `more()` loads the next ones. What was there stays until the new answer comes. */
export const useList = <T>(
  path: MaybeRefOrGetter<string>,
  query: MaybeRefOrGetter<Query> = {},
  options: { everyMs?: number; enabled?: MaybeRefOrGetter<boolean> } = {},
) => {
  const found = useInfiniteQuery<Page<T>, ApiProblem>({
    queryKey: computed(() => ['list', toValue(path), toValue(query)]),
    queryFn: ({ pageParam }) =>
      api.get<Page<T>>(toValue(path), {
        ...toValue(query),
        ...(typeof pageParam === 'string' ? { cursor: pageParam } : {}),
      }),
    initialPageParam: undefined,
    getNextPageParam: (page) => page.nextCursor,
    placeholderData: keepPreviousData,
    enabled: computed(() => toValue(options.enabled ?? true)),
    refetchOnWindowFocus: ({ state }) => (state.data?.pages.length ?? 0) <= maxRefreshedPages,
    refetchOnReconnect: ({ state }) => (state.data?.pages.length ?? 0) <= maxRefreshedPages,
    ...(options.everyMs === undefined ? {} : { refetchInterval: options.everyMs }),
  })
  const rows = computed(() => found.data.value?.pages.flatMap((page) => page.items) ?? [])
  const more = async (): Promise<void> => {
    if (found.hasNextPage.value && !found.isFetchingNextPage.value) await found.fetchNextPage()
  }
  return { ...found, rows, more, hasMore: found.hasNextPage }
}
