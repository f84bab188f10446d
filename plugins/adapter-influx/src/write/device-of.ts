import type { Session } from '@patchbay/sdk'
import type { InfluxConfig } from '../config.ts'
import { type Line, LineError } from './line-parser.ts'

const deviceId = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/

/** Whose a line is, and the tags that are left. */
export interface Belonging {
  device: string
  tags: Line['tags']
}

/**
 * The device tag names it, else the fallback tag; a device that writes with its own credentials needs neither. Its fallback tag (the name of its
 * host, say) is a tag like any other when it says something else.
 */
export function belongingOf(
  { tags }: Pick<Line, 'tags'>,
  { deviceTag, fallbackTag, otherTags }: InfluxConfig,
  principal: Session['principal'],
): Belonging {
  const own = principal.kind === 'device' ? principal.id : undefined
  const valueOf = (name: string): string | undefined => tags.find(([each]) => each === name)?.[1]
  const named = valueOf(deviceTag)
  const fallback = named === undefined && fallbackTag !== '' ? valueOf(fallbackTag) : undefined
  const device = named ?? (own === undefined ? fallback : own)
  if (device === undefined) {
    const or = fallbackTag === '' ? '' : ` or ${fallbackTag}`
    throw new LineError(`no tag ${deviceTag}${or} names the device`)
  }
  if (!deviceId.test(device)) throw new LineError(`"${device}" is no id of a device`)
  if (otherTags === 'drop') return { device, tags: [] }
  const used = named !== undefined ? deviceTag : fallback === device ? fallbackTag : undefined
  return { device, tags: tags.filter(([name]) => name !== used) }
}
