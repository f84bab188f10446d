import type { Socket } from 'node:net'
import type { RefusedError } from '@patchbay/sdk'
import { toConnack } from './connack.ts'
import { type GatewayRefusalCode, gatewayRefusals } from './errors.ts'
import type { LiveRoute } from './route.ts'

/** What a client that was answered gets to close by itself. */
const lingerMs = 1_000

/** A refusal with the level that the client speaks, as far as it is known. */
export class Rejected extends Error {
  readonly refused: RefusedError
  readonly level: number | undefined
  constructor(refused: RefusedError, level: number | undefined) {
    super(refused.message)
    this.refused = refused
    this.level = level
  }
}

const isGatewayCode = (code: string): code is GatewayRefusalCode => Object.hasOwn(gatewayRefusals, code)

/** Says no in the client's words, where the route wants that, and closes. */
export function sayNo(
  socket: Socket,
  route: LiveRoute | undefined,
  refused: RefusedError,
  level: number | undefined,
): void {
  if (route) route.counts.refused += 1
  const answer =
    route?.mqtt?.answers && level !== undefined && isGatewayCode(refused.code)
      ? toConnack(level, refused.code, refused.message, route.mqtt.serverReference)
      : undefined
  if (!answer) return void socket.destroy()
  socket.end(answer)
  // What it still sends is thrown away, so that the answer is not lost in a reset.
  socket.resume()
  setTimeout(() => socket.destroy(), lingerMs).unref()
}
