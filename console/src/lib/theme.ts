import { ref, watchEffect } from 'vue'

export const themes = ['system', 'light', 'dark', 'contrast'] as const
export type Theme = (typeof themes)[number]
const kept = 'patchbay.theme'
const isTheme = (text: string | null): text is Theme => themes.some((each) => each === text)

const stored = localStorage.getItem(kept)
export const theme = ref<Theme>(isTheme(stored) ? stored : 'system')

/** Puts the theme on the page, now and whenever it is changed. */
export const applyTheme = (): void => {
  // Chosen in another tab, it is chosen here, too.
  addEventListener('storage', ({ key, newValue }) => {
    if (key === kept && isTheme(newValue)) theme.value = newValue
  })
  watchEffect(() => {
    document.documentElement.dataset['theme'] = theme.value
    localStorage.setItem(kept, theme.value)
  })
}
