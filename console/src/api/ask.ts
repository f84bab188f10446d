import { useQuery } from '@tanstack/vue-query'
import { computed, type MaybeRefOrGetter, toValue } from 'vue'
import { api, type ApiProblem, type Query } from './client.ts'

/** One answer of the platform, kept by its address. Off while the path is undefined. */
export const useAsk = <T>(
  path: MaybeRefOrGetter<string | undefined>,
  query: MaybeRefOrGetter<Query> = {},
  options: { everyMs?: number } = {},
) =>
  useQuery<T, ApiProblem>({
    queryKey: computed(() => ['one', toValue(path), toValue(query)]),
    queryFn: () => api.get<T>(toValue(path) ?? '', toValue(query)),
    enabled: computed(() => toValue(path) !== undefined),
    ...(options.everyMs === undefined ? {} : { refetchInterval: options.everyMs }),
  })
