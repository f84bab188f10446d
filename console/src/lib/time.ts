import { ref } from 'vue'
import { intlLocale } from '../words/words.ts'

/** Now, told once a second, so that ages grow by themselves. */
export const now = ref(Date.now())
setInterval(() => {
  if (!document.hidden) now.value = Date.now()
}, 1000)

const steps: readonly [number, Intl.RelativeTimeFormatUnit, number][] = [
  [60, 'second', 1],
  [3600, 'minute', 60],
  [86_400, 'hour', 3600],
  [2_592_000, 'day', 86_400],
  [31_536_000, 'month', 2_592_000],
  [Infinity, 'year', 31_536_000],
]

/** "3 minutes ago", in the person's language. */
export const toAge = (at: string | number, nowMs: number, locale: string): string => {
  const seconds = Math.round((new Date(at).getTime() - nowMs) / 1000)
  const [, unit, size] = steps.find(([limit]) => Math.abs(seconds) < limit) ?? ([Infinity, 'year', 31_536_000] as const)
  return new Intl.RelativeTimeFormat(locale, { numeric: 'auto', style: 'short' }).format(
    Math.trunc(seconds / size),
    unit,
  )
}
export const ageOf = (at: string | number): string => toAge(at, now.value, intlLocale.value)

export const toMoment = (at: string | number): string =>
  new Intl.DateTimeFormat(intlLocale.value, { dateStyle: 'medium', timeStyle: 'medium' }).format(new Date(at))
export const toClock = (at: string | number): string =>
  new Intl.DateTimeFormat(intlLocale.value, {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    fractionalSecondDigits: 3,
    hourCycle: 'h23',
  }).format(new Date(at))

/** How long something takes, in the largest unit that it fills twice. */
export const toSpan = (seconds: number): string => {
  const [unit, size] =
    seconds >= 7200 ? (['hour', 3600] as const) : seconds >= 120 ? (['minute', 60] as const) : (['second', 1] as const)
  return new Intl.NumberFormat(intlLocale.value, { style: 'unit', unit, unitDisplay: 'short' }).format(
    Math.ceil(seconds / size),
  )
}
