const two32 = 0x1_0000_0000
const small = 0xff

/** Encodes AMQP's types. Each function answers the bytes of one value. [AMQP 1.6] */
export const nothing: Buffer = Buffer.from([0x40])

export const boolean = (value: boolean): Buffer => Buffer.from([value ? 0x41 : 0x42])
export const ubyte = (value: number): Buffer => Buffer.from([0x50, value])

export function ushort(value: number): Buffer {
  const bytes = Buffer.from([0x60, 0, 0])
  bytes.writeUInt16BE(value, 1)
  return bytes
}

export function uint(value: number): Buffer {
  const wrapped = ((value % two32) + two32) % two32
  if (wrapped === 0) return Buffer.from([0x43])
  if (wrapped <= small) return Buffer.from([0x52, wrapped])
  const bytes = Buffer.from([0x70, 0, 0, 0, 0])
  bytes.writeUInt32BE(wrapped, 1)
  return bytes
}

export function ulong(value: number): Buffer {
  if (value <= small) return Buffer.from([0x53, value])
  const bytes = Buffer.alloc(9, 0x80)
  bytes.writeBigUInt64BE(BigInt(value), 1)
  return bytes
}

function variable(code: number, bytes: Uint8Array): Buffer {
  if (bytes.length <= small) return Buffer.concat([Buffer.from([code, bytes.length]), bytes])
  const head = Buffer.from([code + 0x10, 0, 0, 0, 0])
  head.writeUInt32BE(bytes.length, 1)
  return Buffer.concat([head, bytes])
}
export const binary = (bytes: Uint8Array): Buffer => variable(0xa0, bytes)
export const text = (value: string): Buffer => variable(0xa1, Buffer.from(value))
export const symbol = (value: string): Buffer => variable(0xa3, Buffer.from(value, 'latin1'))

/** An array of symbols; nobody here sends other arrays. */
export function symbols(values: readonly string[]): Buffer {
  const parts = values.map((value) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value, 'latin1')]))
  const body = Buffer.concat([Buffer.from([values.length, 0xa3]), ...parts])
  return Buffer.concat([Buffer.from([0xe0, body.length]), body])
}

/** A list; trailing nulls are left out, as the specification allows. */
export function list(values: readonly Buffer[]): Buffer {
  let count = values.length
  while (count > 0 && values[count - 1] === nothing) count--
  if (count === 0) return Buffer.from([0x45])
  const body = Buffer.concat(values.slice(0, count))
  if (body.length < small) return Buffer.concat([Buffer.from([0xc0, body.length + 1, count]), body])
  const head = Buffer.alloc(9)
  head[0] = 0xd0
  head.writeUInt32BE(body.length + 4, 1)
  head.writeUInt32BE(count, 5)
  return Buffer.concat([head, body])
}

export const described = (descriptor: number, value: Buffer): Buffer =>
  Buffer.concat([Buffer.from([0]), ulong(descriptor), value])

export const composite = (descriptor: number, values: readonly Buffer[]): Buffer => described(descriptor, list(values))

/** `{condition, description}` [AMQP 2.8.14] */
export const amqpError = (condition: string, description: string): Buffer =>
  composite(0x1d, [symbol(condition), text(description)])
