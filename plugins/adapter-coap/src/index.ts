import { definePlugin, type OnDatagram } from '@patchbay/sdk'
import { createCoapAdapter } from './adapter.ts'
import { createCoaps } from './coaps.ts'
import { config } from './config.ts'

const sweepMs = 5_000

/** "the version number (2-bit unsigned integer) (…) 1 (01 binary)": what no DTLS record begins with. */
const isCoap = (bytes: Uint8Array): boolean => (bytes[0] ?? 0) >> 6 === 1
/** The content types of RFC 5246, section 6.2.1. */
const isDtls = (bytes: Uint8Array): boolean => (bytes[0] ?? 0) >= 20 && (bytes[0] ?? 0) <= 23

export default definePlugin({
  config,
  setup(ctx) {
    const { sessions, log, signal } = ctx
    const adapter = createCoapAdapter({ sessions, log, signal, config: ctx.config })
    const preSharedKeys = (device: string, address: string) => ctx.preSharedKeys(device, address)
    const coaps = createCoaps({ adapter, sessions, log, preSharedKeys })
    const close = () => {
      adapter.close()
      coaps.close()
    }
    ctx.own('coap', close)
    // Goodbyes are said while the ports are still open: those are released before what was there first.
    signal.addEventListener('abort', close, { once: true })
    ctx.every(sweepMs, () => {
      adapter.sweep()
      coaps.sweep()
    })
    const counted =
      (receive: OnDatagram): OnDatagram =>
      (bytes, from, port) => {
        if (adapter.admits(from.address)) receive(bytes, from, port)
      }
    ctx.matchUdp('coap', isCoap, counted(adapter.receivePlain))
    ctx.matchUdp('coaps', isDtls, counted(coaps.receive))
    ctx.listenUdp({ name: 'coap', port: ctx.config.port, tls: 'never' }, counted(adapter.receivePlain))
    ctx.listenUdp({ name: 'coaps', port: ctx.config.securePort, tls: 'always' }, counted(coaps.receive))
    ctx.adapter('coap')
  },
})
