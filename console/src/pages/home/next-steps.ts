import { ref, watch } from 'vue'

const kept = 'patchbay.next-steps'
/** Whether the home page says what is worth doing next, in this browser. */
export const showNextSteps = ref(localStorage.getItem(kept) !== 'hidden')
watch(showNextSteps, (now) => (now ? localStorage.removeItem(kept) : localStorage.setItem(kept, 'hidden')))
