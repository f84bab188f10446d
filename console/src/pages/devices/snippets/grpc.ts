import { caFile, inUrl, type Login, type Place, type Snippet, take } from './snippet.ts'

export const grpcSnippets = (place: Place, { id, secret }: Login): Snippet[] => {
  const { tls } = place
  const fetchProto = `curl -O${tls ? ` --cacert ${caFile}` : ''} ${tls ? 'https' : 'http'}://${inUrl(place)}/v1/patchbay.proto`
  return [
    {
      protocol: 'gRPC',
      language: 'node',
      text: `// npm install @grpc/grpc-js @grpc/proto-loader
// ${fetchProto}
${tls ? `import { readFileSync } from 'node:fs'\n` : ''}${take} grpc from '@grpc/grpc-js'
${take} { loadSync } from '@grpc/proto-loader'

const { Devices } = grpc.loadPackageDefinition(loadSync('patchbay.proto')).patchbay.v1
const devices = new Devices('${inUrl(place)}', grpc.credentials.${tls ? `createSsl(readFileSync('${caFile}'))` : 'createInsecure()'})
const metadata = new grpc.Metadata()
metadata.set('authorization', 'Bearer ${secret}')
const message = { topic: 'devices/${id}/telemetry', payload: Buffer.from('{"temperature": 21.5}') }
devices.Publish(message, metadata, (error) => console.log(error ?? 'stored'))`,
    },
    {
      protocol: 'gRPC',
      language: 'python',
      text: `# pip install grpcio grpcio-tools
# ${fetchProto}
import grpc

protos, services = grpc.protos_and_services("patchbay.proto")
channel = grpc.${tls ? `secure_channel("${inUrl(place)}", grpc.ssl_channel_credentials(open("${caFile}", "rb").read()))` : `insecure_channel("${inUrl(place)}")`}
message = protos.Message(topic="devices/${id}/telemetry", payload=b'{"temperature": 21.5}')
services.DevicesStub(channel).Publish(message, metadata=[("authorization", "Bearer ${secret}")])
print("stored")`,
    },
  ]
}
