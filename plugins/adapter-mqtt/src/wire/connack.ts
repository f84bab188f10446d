import { toPacket } from './byte-writer.ts'
import type { Version } from './connect.ts'
import type { Properties } from './properties.ts'
import { writeProperties } from './property-writer.ts'

/** `code` in the words of the version: return code up to 3.1.1, reason code in MQTT 5. */
export function writeConnack(
  version: Version,
  code: number,
  sessionPresent: boolean,
  properties: Properties | undefined,
): Buffer {
  const start = Buffer.from([sessionPresent ? 1 : 0, code])
  return version === 5 ? toPacket(0x20, start, writeProperties(properties)) : toPacket(0x20, start)
}

/** "Unacceptable protocol version", which clients of every version can read. */
export const unacceptableVersion = Buffer.from([0x20, 2, 0, 1])
