import type { Instance } from '@patchbay/contracts/plugin'
import type { toCount } from '../../lib/text.ts'
import type { t } from '../../words/words.ts'

/** The words of the language that is chosen. */
export interface Speech {
  t: typeof t
  toCount: typeof toCount
}

/** One station on the way of readings. */
export interface FlowStep {
  title: string
  lines: string[]
  /** It is in trouble. */
  isBad?: boolean
}

const longest = 3
const shorten = (list: readonly string[]): string =>
  list.length > longest ? `${list.slice(0, longest).join(', ')} +${list.length - longest}` : list.join(', ')

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

/** Fields by which plugins name the place at the other side. */
const placeFields = ['topics', 'topic', 'queue', 'table', 'collection', 'bucket', 'database', 'exchange', 'format']

function placeOf(config: Record<string, unknown>): string | undefined {
  for (const name of placeFields) {
    const value = config[name]
    const text = Array.isArray(value) ? shorten(value.map(textOf)) : textOf(value)
    if (text !== '') return `${name}: ${text}`
  }
  return undefined
}

function selectedLines({ select = {} }: Instance, { t }: Speech): string[] {
  const { devices = [], types = [], tags = [], keys = [], when } = select
  const lists: [string, readonly string[]][] = [
    [t('select.devices'), devices],
    [t('select.types'), types],
    [t('select.tags'), tags],
    [t('select.keys'), keys],
  ]
  const lines = lists.flatMap(([name, list]) => (list.length > 0 ? [`${name}: ${shorten(list)}`] : []))
  if (when) lines.push(`${t('select.when')}: ${when}`)
  return lines.length > 0 ? lines : [t('flow.all')]
}

const isTroubled = ({ state }: Instance): boolean => !['running', 'starting', 'installed'].includes(state)

function sinkSteps(instance: Instance, name: string, speech: Speech): FlowStep[] {
  const { t, toCount } = speech
  const { config, delivery = {}, deliveryStatus: status } = instance
  const place = placeOf(config)
  const batch = t('flow.batch', { records: toCount(delivery.batch ?? 1000), wait: delivery.wait ?? '1s' })
  return [
    { title: t('flow.stored'), lines: [t('flow.waiting', { n: status?.lag.records ?? 0 })] },
    { title: t('flow.select'), lines: selectedLines(instance, speech) },
    { title: t('flow.map'), lines: [...(place === undefined ? [] : [place]), batch] },
    {
      title: name,
      lines: [t('flow.sent', { n: status?.sent ?? 0 })],
      isBad: isTroubled(instance),
    },
  ]
}

function sourceSteps(instance: Instance, name: string, { t }: Speech): FlowStep[] {
  const { config, feedStatus: status } = instance
  const place = placeOf(config)
  const device = textOf(config['device'])
  const made: unknown = config['createDevices']
  const type = typeof made === 'object' && made !== null ? textOf(Reflect.get(made, 'type')) : ''
  return [
    {
      title: name,
      lines: [
        ...(place === undefined ? [] : [place]),
        ...(status?.lag ? [t('flow.waiting', { n: status.lag.records })] : []),
      ],
      isBad: isTroubled(instance),
    },
    { title: t('flow.map'), lines: device === '' ? [t('flow.own')] : [`${t('alert.device')}: ${device}`] },
    { title: t('flow.check'), lines: [type === '' ? t('flow.registered') : t('flow.made', { type })] },
    { title: t('flow.devices'), lines: [t('flow.taken', { n: status?.taken ?? 0 })] },
  ]
}

/** The way of readings through an instance, from one end to the other. */
export const toFlowSteps = (instance: Instance, name: string, speech: Speech): FlowStep[] =>
  instance.feedStatus ? sourceSteps(instance, name, speech) : sinkSteps(instance, name, speech)

/** Records or messages a second, over the last minute. */
export const rateOf = ({ feedStatus, deliveryStatus }: Instance): number =>
  feedStatus?.rate ?? deliveryStatus?.rate ?? 0
