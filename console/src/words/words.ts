import { computed, ref, shallowRef, watchEffect } from 'vue'
import { en } from './en.ts'
import { type Fill, fillMessage, toPseudo } from './format.ts'

export type Word = keyof typeof en
export const locales = { en: 'English', zh: '简体中文' } as const
export type Locale = keyof typeof locales | 'pseudo'
const kept = 'patchbay.locale'
const isLocale = (text: string | null): text is Locale => text === 'en' || text === 'zh' || text === 'pseudo'

const stored = localStorage.getItem(kept)
const preferred: Locale = navigator.language.startsWith('zh') ? 'zh' : 'en'
export const locale = ref<Locale>(isLocale(stored) ? stored : preferred)
/** The locale for dates, numbers and plurals. */
export const intlLocale = computed(() =>
  locale.value === 'zh' ? 'zh-CN' : navigator.language.startsWith('en') ? navigator.language : 'en-GB',
)

const messages = shallowRef<Readonly<Record<Word, string>>>(en)
/** By the codes of the platform, whose own sentences are English. */
const reasons = shallowRef<Readonly<Record<string, string>>>({})

let wantedLast: Locale | undefined
/** Loads the words of a language and shows them; nothing is loaded again from the server but these. */
export const useLocale = async (wanted: Locale): Promise<void> => {
  wantedLast = wanted
  const chinese = wanted === 'zh' ? await import('./zh.ts') : undefined
  if (wantedLast !== wanted) return // another one was chosen while these words were loaded
  messages.value = chinese?.zh ?? en
  reasons.value = chinese?.refusals ?? {}
  locale.value = wanted
  localStorage.setItem(kept, wanted)
}
// Chosen in another tab, it is chosen here, too.
addEventListener('storage', ({ key, newValue }) => {
  if (key === kept && isLocale(newValue)) void useLocale(newValue)
})
watchEffect(() => {
  document.documentElement.lang = locale.value === 'zh' ? 'zh-Hans' : 'en'
})

/** A message in the person's language. */
export const t = (word: Word, fill: Fill = {}): string => {
  const message = messages.value[word]
  return fillMessage(locale.value === 'pseudo' ? toPseudo(message) : message, fill, intlLocale.value)
}

const isWord = (name: string): name is Word => Object.hasOwn(en, name)
/** A word by a name that is put together, such as a state; the name itself where there is none. */
export const tOr = (name: string, otherwise: string): string => (isWord(name) ? t(name) : otherwise)

/** Why the platform refused something: in the person's language where there are words for its code, with what the platform said behind it. */
export const toReason = ({ code, detail }: { code?: string | undefined; detail?: string | undefined }): string => {
  const own = code === undefined ? undefined : reasons.value[code]
  return own === undefined ? (detail ?? '') : [own, detail].filter(Boolean).join(' ')
}
