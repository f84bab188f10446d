import { MessageProperties } from '@patchbay/contracts/bridge'
import { Compile } from 'typebox/compile'

const isProperties = Compile(MessageProperties)

/** What an adapter hands over with a message, as a bridge can keep and carry it. What it does not know is left out. */
export function toKeptProperties(given: unknown): MessageProperties | undefined {
  if (typeof given !== 'object' || given === null) return undefined
  const of = (name: string): unknown => Reflect.get(given, name)
  const correlation = of('correlationData')
  const kept = Object.fromEntries(
    (
      [
        ['contentType', of('contentType')],
        ['responseTopic', of('responseTopic')],
        ['payloadFormatIndicator', of('payloadFormatIndicator')],
        ['messageExpiryInterval', of('messageExpiryInterval')],
        ['userProperties', of('userProperties')],
        [
          'correlationData',
          correlation instanceof Uint8Array ? Buffer.from(correlation).toString('base64') : undefined,
        ],
      ] as const
    ).filter(([, value]) => value !== undefined),
  )
  return Object.keys(kept).length > 0 && isProperties.Check(kept) ? kept : undefined
}

/** The same the other way. */
export function toAdapterProperties({ correlationData, ...rest }: MessageProperties): Record<string, unknown> {
  return {
    ...rest,
    ...(correlationData === undefined ? {} : { correlationData: Buffer.from(correlationData, 'base64') }),
  }
}
