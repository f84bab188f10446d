interface How {
  name?: string
  level?: number
  clientId?: string
  properties?: Buffer
  /** After the client id: will, user name, password. */
  rest?: Buffer
}

const varint = (value: number): number[] => {
  const bytes: number[] = []
  let left = value
  do {
    const low = left % 128
    left = Math.floor(left / 128)
    bytes.push(left > 0 ? low | 0x80 : low)
  } while (left > 0)
  return bytes
}

const prefixed = (text: string): Buffer => {
  const bytes = Buffer.from(text)
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes])
}

/** The bytes of a CONNECT, right or wrong. */
export function toConnect({ name = 'MQTT', level = 4, clientId = '', properties, rest }: How): Buffer {
  const body = Buffer.concat([
    prefixed(name),
    Buffer.from([level, 0x02, 0, 60]),
    ...(level === 5 ? [Buffer.from(varint(properties?.length ?? 0)), properties ?? Buffer.alloc(0)] : []),
    prefixed(clientId),
    rest ?? Buffer.alloc(0),
  ])
  return Buffer.concat([Buffer.from([0x10, ...varint(body.length)]), body])
}
