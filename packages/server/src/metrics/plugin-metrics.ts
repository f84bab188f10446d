import { type Log, type MetricFamily, toMetricText } from '@patchbay/sdk'

/** Of one plugin, of all its families; what is over it is left out. */
export const maxRows = 10_000
const familyName = /^patchbay_[a-z0-9_]{1,80}$/
const labelName = /^[a-z_][a-z0-9_]{0,63}$/

/** Figures that plugins add to the platform's own. */
export interface PluginMetrics {
  /** The answer takes them out. */
  add(plugin: string, read: () => readonly MetricFamily[]): () => void
  /** Prometheus' text of all of them. */
  text(): string
}

/** Where a family is not well formed: why. */
function faultOf({ name, rows }: MetricFamily): string | undefined {
  if (!familyName.test(name)) return 'its name has to begin with patchbay_ and hold small letters, digits and _'
  const wrong = rows.flatMap(({ labels = {} }) => Object.keys(labels)).find((label) => !labelName.test(label))
  return wrong === undefined ? undefined : `${wrong} is no name of a label`
}

export function createPluginMetrics(log: Log): PluginMetrics {
  const readers = new Map<object, { plugin: string; read: () => readonly MetricFamily[] }>()
  const told = new Set<string>()
  /** Once for each: a scrape comes every few seconds. */
  const tell = (plugin: string, why: string): void => {
    if (told.has(`${plugin} ${why}`)) return
    told.add(`${plugin} ${why}`)
    log.warn('figures of a plugin are left out', { plugin, why })
  }
  return {
    add(plugin, read) {
      const key = {}
      readers.set(key, { plugin, read })
      return () => void readers.delete(key)
    },
    text() {
      // A name that is there twice would make the whole scrape void.
      const names = new Set<string>()
      return [...readers.values()]
        .map(({ plugin, read }) => {
          try {
            const families = read().filter((family) => {
              const fault = names.has(family.name) ? 'another plugin has a family of this name' : faultOf(family)
              if (fault !== undefined) tell(plugin, `${family.name}: ${fault}`)
              names.add(family.name)
              return fault === undefined
            })
            if (families.reduce((sum, { rows }) => sum + rows.length, 0) > maxRows)
              tell(plugin, `there are more than ${maxRows} rows`)
            return toMetricText(families, maxRows)
          } catch (error) {
            tell(plugin, error instanceof Error ? error.message : String(error))
            return ''
          }
        })
        .join('')
    },
  }
}
