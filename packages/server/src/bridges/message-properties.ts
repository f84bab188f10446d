import type { MessageProperties } from '@patchbay/contracts/bridge'

const isPair = (value: unknown): value is [string, string] =>
  Array.isArray(value) && value.length === 2 && typeof value[0] === 'string' && typeof value[1] === 'string'

/** What an adapter hands over with a message, as a bridge can keep and carry it. What it does not know is left out. */
export function toKeptProperties(given: unknown): MessageProperties | undefined {
  if (typeof given !== 'object' || given === null) return undefined
  const kept: MessageProperties = {}
  const text = (name: 'contentType' | 'responseTopic'): void => {
    const value: unknown = Reflect.get(given, name)
    if (typeof value === 'string') kept[name] = value
  }
  const number = (name: 'payloadFormatIndicator' | 'messageExpiryInterval'): void => {
    const value: unknown = Reflect.get(given, name)
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) kept[name] = value
  }
  text('contentType')
  text('responseTopic')
  number('payloadFormatIndicator')
  number('messageExpiryInterval')
  const correlation: unknown = Reflect.get(given, 'correlationData')
  if (correlation instanceof Uint8Array) kept.correlationData = Buffer.from(correlation).toString('base64')
  const pairs: unknown = Reflect.get(given, 'userProperties')
  if (Array.isArray(pairs) && pairs.length > 0 && pairs.every(isPair)) kept.userProperties = pairs
  return Object.keys(kept).length > 0 ? kept : undefined
}

/** The same the other way. */
export function toAdapterProperties({ correlationData, ...rest }: MessageProperties): Record<string, unknown> {
  return {
    ...rest,
    ...(correlationData === undefined ? {} : { correlationData: Buffer.from(correlationData, 'base64') }),
  }
}
