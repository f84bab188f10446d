import { QueryClient, VueQueryPlugin } from '@tanstack/vue-query'
import { createApp } from 'vue'
import { api, ApiProblem, whenSessionEnds } from './api/client.ts'
import { forget } from './api/session.ts'
import { applyTheme } from './lib/theme.ts'
import { closeLive, whenLiveIsRefused } from './live/socket.ts'
import { router } from './router.ts'
import App from './shell/app-root.vue'
import './style/tokens.css'
import './style/base.css'
import './style/parts.css'
import { locale, useLocale } from './words/words.ts'

applyTheme()
await useLocale(locale.value)

// Only what a repetition can cure is tried again: no answer, or the platform is busy.
const mayHelp = (problem: Error): boolean =>
  !(problem instanceof ApiProblem) || problem.status === 0 || problem.status >= 502
const client = new QueryClient({
  defaultOptions: {
    queries: { staleTime: 5000, gcTime: 5 * 60_000, retry: (tries, problem) => tries < 2 && mayHelp(problem) },
  },
})

let ending = false
const end = async (): Promise<void> => {
  const { fullPath, meta } = router.currentRoute.value
  // Several questions may be answered so at once: the first of them leads to the sign-in.
  if (ending || meta.open) return
  ending = true
  closeLive()
  try {
    // Away first: a page that finds its person forgotten would be made anew, and ask again.
    await router.push({ path: '/login', query: { to: fullPath } })
  } finally {
    forget()
    client.clear()
    ending = false
  }
}
whenSessionEnds(() => void end())
// Signed out in another tab, or the person was removed: this tab hears of it by its socket.
whenLiveIsRefused(() => {
  api.get('/session').catch((problem: unknown) => {
    if (problem instanceof ApiProblem && problem.status === 401) void end()
  })
})

createApp(App).use(VueQueryPlugin, { queryClient: client }).use(router).mount('#app')
