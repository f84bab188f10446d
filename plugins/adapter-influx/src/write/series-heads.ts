import type { Session } from '@patchbay/sdk'
import type { InfluxConfig } from '../config.ts'
import type { NameBook } from '../name-book.ts'
import { toKey } from '../series-name.ts'
import { belongingOf } from './device-of.ts'
import { parseHead } from './line-parser.ts'

/** Heads and keys of one request that are kept: the lines of a body are of the same series again and again. */
const maxKept = 5_000

/** What lines that begin alike have in common. */
export interface SeriesHead {
  device: string
  keyOf(field: string, isAlone: boolean): string
}

/** Reads what a line begins with, once for each series. */
export interface SeriesHeads {
  /** Throws LineError. */
  of(text: string): SeriesHead
}

export interface HeadOptions {
  config: InfluxConfig
  names: NameBook
  principal: Session['principal']
}

export function createSeriesHeads({ config, names, principal }: HeadOptions): SeriesHeads {
  const kept = new Map<string, SeriesHead>()

  function read(text: string): SeriesHead {
    const { measurement, tags: all } = parseHead(text)
    const { device, tags } = belongingOf({ tags: all }, config, principal)
    const keys = new Map<string, string>()
    const alone = new Map<string, string>()
    return {
      device,
      keyOf(field, isAlone) {
        const known = isAlone ? alone : keys
        let key = known.get(field)
        if (key === undefined) {
          const name = { measurement, tags, field }
          key = toKey(name, isAlone)
          names.note(key, name)
          if (known.size >= maxKept) known.clear()
          known.set(field, key)
        }
        return key
      },
    }
  }

  return {
    of(text) {
      let head = kept.get(text)
      if (!head) {
        head = read(text)
        if (kept.size >= maxKept) kept.clear()
        kept.set(text, head)
      }
      return head
    },
  }
}
