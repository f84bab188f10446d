import { caFile, inUrl, type Login, type Place, type Snippet } from './snippet.ts'

export const webSocketSnippets = (place: Place, { id, secret }: Login): Snippet[] => {
  const { tls } = place
  const url = `${tls ? 'wss' : 'ws'}://${inUrl(place)}/v1/ws`
  return [
    {
      protocol: 'WebSocket',
      language: 'node',
      text: `${tls ? `// run with NODE_EXTRA_CA_CERTS=${caFile}\n` : ''}const socket = new WebSocket('${url}')
socket.onopen = () => socket.send(JSON.stringify({ id: 'login', auth: { id: '${id}', secret: '${secret}' } }))
socket.onmessage = ({ data }) => {
  const { ack } = JSON.parse(data)
  if (ack === 'login')
    socket.send(JSON.stringify({ id: 1, publish: 'devices/${id}/telemetry', payload: { temperature: 21.5 } }))
  if (ack === 1) socket.close() // stored
}`,
    },
    {
      protocol: 'WebSocket',
      language: 'python',
      text: `# pip install websocket-client
import json
import websocket

socket = websocket.create_connection(
    "${url}",
    header=["Authorization: Bearer ${secret}"],${tls ? `\n    sslopt={"ca_certs": "${caFile}"},` : ''}
)
message = {"id": 1, "publish": "devices/${id}/telemetry", "payload": {"temperature": 21.5}}
socket.send(json.dumps(message))
print(socket.recv())  # {"ack": 1}: stored
socket.close()`,
    },
  ]
}
