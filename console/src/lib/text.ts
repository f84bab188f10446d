import { intlLocale } from '../words/words.ts'

const longest = 200
/** A value of a device in one line. It is text and nothing else wherever it is shown. */
export const toText = (value: unknown): string => {
  if (value === undefined) return '–'
  if (typeof value === 'number')
    return new Intl.NumberFormat(intlLocale.value, { maximumSignificantDigits: 6 }).format(value)
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.length > longest ? `${text.slice(0, longest)}…` : text
}
export const toCount = (value: number): string => new Intl.NumberFormat(intlLocale.value).format(value)
/** Of a share from 0 to 1. */
export const toPercent = (share: number): string =>
  new Intl.NumberFormat(intlLocale.value, { style: 'percent', maximumFractionDigits: 0 }).format(share)

const units = ['B', 'kB', 'MB', 'GB', 'TB']
export const toBytes = (bytes: number): string => {
  const step = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3))
  return `${new Intl.NumberFormat(intlLocale.value, { maximumFractionDigits: step === 0 ? 0 : 1 }).format(bytes / 1000 ** step)} ${units[step]}`
}
/** Indented where it is JSON, else as it came. */
export const toPretty = (text: string): string => {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text // not JSON is an ordinary payload
  }
}
