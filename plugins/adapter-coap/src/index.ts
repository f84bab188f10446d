import { definePlugin } from '@patchbay/sdk'
import { createCoapAdapter } from './adapter.ts'
import { config } from './config.ts'

const sweepMs = 5_000

/** "the version number (2-bit unsigned integer) (…) 1 (01 binary)": what no DTLS record begins with. */
const isCoap = (bytes: Uint8Array): boolean => (bytes[0] ?? 0) >> 6 === 1

export default definePlugin({
  config,
  setup(ctx) {
    const { sessions, log, signal } = ctx
    const adapter = createCoapAdapter({ sessions, log, signal, config: ctx.config })
    ctx.own('coap', () => adapter.close())
    ctx.every(sweepMs, () => adapter.sweep())
    ctx.matchUdp('coap', isCoap, (bytes, from, port) => {
      if (adapter.admits(from.address)) adapter.receivePlain(bytes, from, port)
    })
    ctx.listenUdp({ name: 'coap', port: ctx.config.port, tls: 'never' }, (bytes, from, port) => {
      if (adapter.admits(from.address)) adapter.receivePlain(bytes, from, port)
    })
    ctx.adapter('coap')
  },
})
