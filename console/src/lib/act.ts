import { useQueryClient } from '@tanstack/vue-query'
import { ref } from 'vue'
import { ApiProblem } from '../api/client.ts'
import { tell } from './toast.ts'

/** Runs what a person asked for: one at a time, told when it is done, told why when it is not; lists are read again after it. */
export const useAct = () => {
  const busy = ref(false)
  const problem = ref<ApiProblem>()
  const client = useQueryClient()
  const act = async (
    work: () => Promise<unknown>,
    done?: string,
    options: { quiet?: boolean } = {},
  ): Promise<boolean> => {
    if (busy.value) return false
    busy.value = true
    problem.value = undefined
    try {
      await work()
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error
      problem.value = error
      if (!options.quiet) tell(error.message, 'bad')
      return false
    } finally {
      busy.value = false
    }
    // No part of it: who is quick would press the next button in vain while the lists are read.
    await client.invalidateQueries()
    if (done) tell(done)
    return true
  }
  return { act, busy, problem }
}
