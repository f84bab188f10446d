import { computed } from 'vue'
import { useRoute, useRouter } from 'vue-router'

/** A filter that stands in the address, so that what is seen can be sent to somebody. */
export const useAddress = (name: string) => {
  const route = useRoute()
  const router = useRouter()
  return computed<string>({
    get: () => {
      const value = route.query[name]
      return typeof value === 'string' ? value : ''
    },
    set: (value) => void router.replace({ query: { ...route.query, [name]: value || undefined } }),
  })
}
