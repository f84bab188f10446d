import { once } from 'node:events'
import grpc from '@grpc/grpc-js'
import { connectGrpc, type GrpcMessage } from '../harness/grpc-client.ts'
import { type Credentials, type Place, type Row, settled, toCommand } from './row.ts'

const row = (secure: boolean): Row => {
  const enter = ({ port, ca }: Place, { id, secret }: Credentials) =>
    connectGrpc(port, { auth: `${id}:${secret}`, ...(secure ? { ca } : {}) })
  const publish: Row['publish'] = async (place, login, { topic, payload }) => {
    const client = enter(place, login)
    const code = await client.publish(topic, payload).then(
      () => grpc.status.OK,
      (error: { code: number }) => error.code,
    )
    client.close()
    return grpc.status[code] ?? String(code)
  }
  return {
    protocol: 'gRPC',
    transport: secure ? 'TLS' : 'TCP',
    client: 'grpc-js',
    here: true,
    answers: {
      connect: 'OK',
      'wrong secret': 'UNAUTHENTICATED',
      revoked: 'PERMISSION_DENIED',
      'own topic': 'OK',
      'foreign topic': 'PERMISSION_DENIED',
      'too large': 'RESOURCE_EXHAUSTED',
      'too deep': 'INVALID_ARGUMENT',
      ...settled,
    },
    connect: publish,
    publish,
    async takeCommand(place, login) {
      const client = enter(place, login)
      const stream = client.subscribe(`devices/${login.id}/commands/+`)
      stream.on('error', () => undefined) // cancelled below
      const [{ topic, payload }] = (await once(stream, 'data')) as [GrpcMessage]
      stream.cancel()
      client.close()
      return toCommand(topic, payload.toString())
    },
  }
}

export const grpcRows: Row[] = [row(false), row(true)]
