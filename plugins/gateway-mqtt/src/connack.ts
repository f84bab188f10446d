import type { GatewayRefusalCode } from './errors.ts'

const mqtt5 = 5
/** The return code of MQTT 3.1.1 and the reason code of MQTT 5. */
const codes: Partial<Record<GatewayRefusalCode, readonly [number, number]>> = {
  GATEWAY_NOT_CONNECT: [0x01, 0x81],
  GATEWAY_PROTOCOL: [0x01, 0x84],
  GATEWAY_ADDRESS: [0x05, 0x87],
  GATEWAY_PLAIN: [0x05, 0x87],
  GATEWAY_CONNECTIONS_FULL: [0x03, 0x97],
  GATEWAY_NO_UPSTREAM: [0x03, 0x88],
  GATEWAY_UPSTREAM_AWAY: [0x03, 0x88],
}
const useAnotherServer = 0x9c
const reasonStringId = 0x1f
const serverReferenceId = 0x1c
const maxTextBytes = 1_024

const property = (id: number, text: string): Buffer => {
  const bytes = Buffer.from(text).subarray(0, maxTextBytes)
  return Buffer.concat([Buffer.from([id, bytes.length >> 8, bytes.length & 255]), bytes])
}
const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, value >> 7])

/** A CONNACK that says why, in the words of the client's own level; undefined where no word fits. */
export function toConnack(
  level: number,
  code: GatewayRefusalCode,
  text: string,
  serverReference?: string,
): Buffer | undefined {
  const [returnCode, reasonCode] = codes[code] ?? []
  if (returnCode === undefined || reasonCode === undefined) return undefined
  if (level < mqtt5) return Buffer.from([0x20, 2, 0, returnCode])
  const properties = Buffer.concat([
    property(reasonStringId, text),
    ...(serverReference === undefined ? [] : [property(serverReferenceId, serverReference)]),
  ])
  const body = Buffer.concat([
    Buffer.from([0, serverReference === undefined ? reasonCode : useAnotherServer, ...varint(properties.length)]),
    properties,
  ])
  return Buffer.concat([Buffer.from([0x20, ...varint(body.length)]), body])
}
