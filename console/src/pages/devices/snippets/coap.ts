import { inUrl, type Login, type Place, type Snippet, take } from './snippet.ts'

/** DTLS takes a pre-shared key, which is another credential than the secret. */
const overDtls = (place: Place, { id }: Login): Snippet[] => [
  {
    protocol: 'CoAP',
    language: 'shell',
    text: `# DTLS takes a pre-shared key instead of the secret: make one on the page of the device, under Access
coap-client -m post -u ${id} -k THE-PRE-SHARED-KEY -t application/json \\
  -e '{"temperature": 21.5}' 'coaps://${inUrl(place)}/devices/${id}/telemetry'`,
  },
]

/** The message is put together by hand, so that nothing has to be installed; a device would take a library, which sends again what is lost. */
export const coapSnippets = (place: Place, login: Login): Snippet[] => {
  if (place.tls) return overDtls(place, login)
  const { host, port } = place
  const { id, secret } = login
  return [
    {
      protocol: 'CoAP',
      language: 'shell',
      text: `coap-client -m post -t application/json -e '{"temperature": 21.5}' \\
  'coap://${inUrl(place)}/devices/${id}/telemetry?user=${id}&pass=${secret}'`,
    },
    {
      protocol: 'CoAP',
      language: 'node',
      text: `// Nothing to install: a CoAP message is a few bytes
${take} { createSocket } from 'node:dgram'

const option = (step, text) => {
  const bytes = Buffer.from(text)
  const head = bytes.length < 13 ? [step * 16 + bytes.length] : [step * 16 + 13, bytes.length - 13]
  return Buffer.concat([Buffer.from(head), bytes])
}
const number = Math.floor(Math.random() * 65536)
const post = Buffer.concat([
  Buffer.from([0x40, 0x02, number >> 8, number & 255]), // confirmable POST
  option(11, 'devices'), option(0, '${id}'), option(0, 'telemetry'), // Uri-Path
  Buffer.from([0x11, 50]), // Content-Format: JSON
  option(3, 'user=${id}'), option(0, 'pass=${secret}'), // Uri-Query
  Buffer.from([0xff]), Buffer.from('{"temperature": 21.5}'),
])
const socket = createSocket('${host.includes(':') ? 'udp6' : 'udp4'}')
socket.on('message', ([, code]) => {
  console.log(\`\${code >> 5}.0\${code & 31}\`) // 2.04: stored
  socket.close()
})
socket.send(post, ${port}, '${host}')`,
    },
    {
      protocol: 'CoAP',
      language: 'python',
      text: `# Nothing to install: a CoAP message is a few bytes
import os
import socket

def option(step, text):
    data = text.encode()
    head = [step * 16 + len(data)] if len(data) < 13 else [step * 16 + 13, len(data) - 13]
    return bytes(head) + data

post = b"\\x40\\x02" + os.urandom(2)  # confirmable POST
post += option(11, "devices") + option(0, "${id}") + option(0, "telemetry")  # Uri-Path
post += b"\\x11\\x32"  # Content-Format: JSON
post += option(3, "user=${id}") + option(0, "pass=${secret}")  # Uri-Query
post += b"\\xff" + b'{"temperature": 21.5}'

device = socket.socket(socket.${host.includes(':') ? 'AF_INET6' : 'AF_INET'}, socket.SOCK_DGRAM)
device.settimeout(5)
device.sendto(post, ("${host}", ${port}))
code = device.recv(1500)[1]
print(f"{code >> 5}.{code & 31:02}")  # 2.04: stored`,
    },
  ]
}
