import { readFile } from 'node:fs/promises'
import { definePlugin } from '@patchbay/sdk'
import { config } from './config.ts'
import { createDoor, matchHttp2 } from './door.ts'
import { protoFile } from './library.ts'

export default definePlugin({
  config,
  async setup(ctx) {
    const proto = await readFile(protoFile, 'utf8')
    const door = createDoor({ sessions: ctx.sessions, config: ctx.config, log: ctx.log })
    ctx.own('connections', door.close)
    ctx.http(async (app) => {
      app.get('/v1/patchbay.proto', async (_request, reply) => reply.type('text/plain; charset=utf-8').send(proto))
    })
    ctx.match('grpc', matchHttp2, door.accept)
    ctx.listen({ name: 'grpc', port: ctx.config.port }, door.accept)
    ctx.adapter('grpc')
  },
})
