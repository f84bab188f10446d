import { lookUp, mapTexts } from './plain-value.ts'

export type Environment = Readonly<Record<string, string | undefined>>

const reference = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g
const whole = /^\$\{[A-Za-z_][A-Za-z0-9_]*\}$/

export interface Filled {
  value: unknown
  /** Variables that the environment does not have, and where they are named. */
  missing: { path: string; name: string }[]
}

/** Puts the environment's values in the place of `${NAME}` in every text; `$${` is a plain `${`. No value can become structure. */
export function fillPlaceholders(value: unknown, env: Environment): Filled {
  const missing: Filled['missing'] = []
  const filled = mapTexts(value, (text, path) =>
    text.replace(reference, (found: string, name: string | undefined) => {
      if (name === undefined) return '${'
      const given = Object.hasOwn(env, name) ? env[name] : undefined
      if (given !== undefined) return given
      missing.push({ path, name })
      return found
    }),
  )
  return { value: filled, missing }
}

/**
 * Fills what the environment has and leaves the rest standing, escapes too: for a client that fills its part before the server sees it.
 * A value that itself looks like a placeholder is escaped.
 */
export const fillKnown = (value: unknown, env: Environment): unknown =>
  mapTexts(value, (text) =>
    text.replace(reference, (found: string, name: string | undefined) => {
      const given = name !== undefined && Object.hasOwn(env, name) ? env[name] : undefined
      return given === undefined ? found : escapePlaceholders(given)
    }),
  )

export const escapePlaceholders = (text: string): string => text.replaceAll('${', () => '$${')

/** Whether something is filled in under this JSON pointer of a document as it was written. */
export const isFilled = (written: unknown, path: string): boolean =>
  JSON.stringify(lookUp(written, path) ?? '').includes('${')

/** A text that is one placeholder and nothing else. */
export const isPlaceholder = (text: string): boolean => whole.test(text)

/** `channels`, `ops`, `/url` → `${CHANNELS_OPS_URL}`. */
export const toPlaceholder = (...parts: readonly string[]): string =>
  `\${${parts
    .join('_')
    .replaceAll(/[^A-Za-z0-9]+/g, '_')
    .replaceAll(/^_+|_+$/g, '')
    .toUpperCase()}}`
