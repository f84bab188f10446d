import { definePlugin, field, isRefused } from '@patchbay/sdk'

export default definePlugin({
  config: { maxBytes: field.integer({ title: 'Largest body', default: 4096, minimum: 2, maximum: 1_000_000 }) },
  setup(ctx) {
    ctx.adapter('my-plugin')
    ctx.http(async (app) => {
      app.post<{ Params: { device: string } }>(
        '/x/my-plugin/:device',
        { bodyLimit: ctx.config.maxBytes },
        async (request, reply) => {
          const { device } = request.params
          const password = String(request.headers['x-secret'] ?? '')
          const credentials = { kind: 'password', username: device, password } as const
          const peer = { protocol: 'my-plugin', address: request.ip, encrypted: false, request: true, credentials }
          try {
            const session = await ctx.sessions.open(peer)
            // Resolves when the reading is durable: only then the device is answered.
            await session
              .publish(`devices/${device}/telemetry`, Buffer.from(JSON.stringify(request.body)))
              .finally(() => session.close())
            return reply.code(204).send()
          } catch (error) {
            if (!isRefused(error)) throw error
            return reply.code(error.reason === 'credentials' ? 401 : error.reason === 'unavailable' ? 503 : 403).send()
          }
        },
      )
    })
  },
})
