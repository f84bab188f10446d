import { fileURLToPath } from 'node:url'
import grpc, { type ClientDuplexStream, type ClientReadableStream, type ServiceError } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'

const proto = fileURLToPath(new URL('../../../../plugins/adapter-grpc/proto/patchbay.proto', import.meta.url))
const { patchbay } = grpc.loadPackageDefinition(loadSync(proto, { longs: String, defaults: true })) as any

export interface GrpcMessage {
  topic: string
  payload: Buffer
  id?: string | number
}
export interface GrpcAck {
  id: string
  code: number
  detail: string
}
export interface GrpcClient {
  publish(topic: string, payload: string | Buffer): Promise<GrpcAck>
  provision(payload: string): Promise<string>
  publishStream(): ClientDuplexStream<GrpcMessage, GrpcAck>
  subscribe(...filters: string[]): ClientReadableStream<GrpcMessage>
  close(): void
}

/** A client of the library, with the proto that is served. */
export const connectGrpc = (
  port: number,
  login: { auth?: string; ca?: Buffer; identity?: { cert: string; key: string } } = {},
): GrpcClient => {
  const { auth, ca, identity } = login
  const proof = identity ? ([Buffer.from(identity.key), Buffer.from(identity.cert)] as const) : ([] as const)
  const credentials = ca ? grpc.credentials.createSsl(ca, ...proof) : grpc.credentials.createInsecure()
  // Each client has a connection of its own, as devices have.
  const options = { 'grpc.enable_retries': 0, 'grpc.use_local_subchannel_pool': 1 }
  const devices = new patchbay.v1.Devices(`localhost:${port}`, credentials, options)
  const metadata = new grpc.Metadata()
  if (auth !== undefined) metadata.set('authorization', `Basic ${Buffer.from(auth).toString('base64')}`)
  return {
    publish: (topic, payload) =>
      new Promise((resolve, reject) =>
        devices.Publish(
          { topic, payload: Buffer.from(payload), id: '1' },
          metadata,
          (error: ServiceError | null, ack: GrpcAck) => (error ? reject(error) : resolve(ack)),
        ),
      ),
    provision: (payload) =>
      new Promise((resolve, reject) =>
        devices.Provision(
          { payload: Buffer.from(payload) },
          metadata,
          (error: ServiceError | null, answer: GrpcMessage) =>
            error ? reject(error) : resolve(answer.payload.toString()),
        ),
      ),
    publishStream: () => devices.PublishStream(metadata),
    subscribe: (...filters) => devices.Subscribe({ filters }, metadata),
    close: () => devices.close(),
  }
}
