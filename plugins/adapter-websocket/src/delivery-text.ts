const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** One message goes to many subscribers: its bytes are read once. */
const known = new WeakMap<Uint8Array, string>()

function toBody(bytes: Uint8Array): string {
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch {
    // Not text: passed on as it is.
    return `"base64":"${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')}"`
  }
  try {
    JSON.parse(text)
    return `"payload":${text}`
  } catch {
    // Text that is not JSON, which is good as a payload of MQTT.
    return `"text":${JSON.stringify(text)}`
  }
}

/** The frame of a delivery: JSON is passed on as it was written, other text as `text`, other bytes as `base64`. */
export function toDeliveryText(message: { topic: string; bytes: Uint8Array; retain: boolean }, mid?: number): string {
  let body = known.get(message.bytes)
  if (body === undefined) {
    body = toBody(message.bytes)
    known.set(message.bytes, body)
  }
  const retained = message.retain ? ',"retain":true' : ''
  const numbered = mid === undefined ? '' : `,"mid":${mid}`
  return `{"message":${JSON.stringify(message.topic)},${body}${retained}${numbered}}`
}
