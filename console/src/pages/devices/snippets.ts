export interface Place {
  host: string
  port: string
  tls: boolean
}
export interface Login {
  id: string
  secret: string
}
export const languages = ['shell', 'node', 'python', 'arduino'] as const
export type Language = (typeof languages)[number]
export interface Snippet {
  protocol: 'MQTT' | 'HTTP' | 'WebSocket' | 'CoAP' | 'AMQP' | 'gRPC'
  language: Language
  text: string
}

const ca = 'data/tls/ca.crt'
/** Apart from the rest of its line, which is no import of this file. */
const take = 'import'

const mqtt = ({ host, port, tls }: Place, { id, secret }: Login): Snippet[] => [
  {
    protocol: 'MQTT',
    language: 'shell',
    text: `mosquitto_pub -h ${host} -p ${port}${tls ? ` --cafile ${ca}` : ''} \\
  -u ${id} -P ${secret} -q 1 \\
  -t devices/${id}/telemetry -m '{"temperature": 21.5}'`,
  },
  {
    protocol: 'MQTT',
    language: 'node',
    text: `// npm install mqtt
${take} mqtt from 'mqtt'
${tls ? `import { readFileSync } from 'node:fs'\n` : ''}
const client = await mqtt.connectAsync('${tls ? 'mqtts' : 'mqtt'}://${host}:${port}', {
  username: '${id}',
  password: '${secret}',${tls ? `\n  ca: readFileSync('${ca}'),` : ''}
})
await client.publishAsync('devices/${id}/telemetry', JSON.stringify({ temperature: 21.5 }), { qos: 1 })
await client.endAsync()`,
  },
  {
    protocol: 'MQTT',
    language: 'python',
    text: `# pip install paho-mqtt
import paho.mqtt.client as mqtt

client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
client.username_pw_set("${id}", "${secret}")
${tls ? `client.tls_set("${ca}")\n` : ''}client.connect("${host}", ${port})
client.loop_start()
client.publish("devices/${id}/telemetry", '{"temperature": 21.5}', qos=1).wait_for_publish()
client.disconnect()`,
  },
  {
    protocol: 'MQTT',
    language: 'arduino',
    text: `// Library: PubSubClient; board: ESP32
#include <WiFi.h>
#include <${tls ? 'WiFiClientSecure' : 'WiFiClient'}.h>
#include <PubSubClient.h>

${tls ? `// The text of ${ca}\nstatic const char CA[] = R"(-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----)";\n` : ''}${tls ? 'WiFiClientSecure' : 'WiFiClient'} network;
PubSubClient client(network);

void setup() {
  WiFi.begin("your network", "its password");
  while (WiFi.status() != WL_CONNECTED) delay(200);
${tls ? '  network.setCACert(CA);\n' : ''}  client.setServer("${host}", ${port});
}

void loop() {
  if (!client.connected()) client.connect("${id}", "${id}", "${secret}");
  client.loop();
  client.publish("devices/${id}/telemetry", "{\\"temperature\\": 21.5}");
  delay(5000);
}`,
  },
]

const http = ({ host, port, tls }: Place, { id, secret }: Login): Snippet[] => {
  const url = `${tls ? 'https' : 'http'}://${host}:${port}/v1/devices/${id}/telemetry`
  return [
    {
      protocol: 'HTTP',
      language: 'shell',
      text: `curl -u ${id}:${secret}${tls ? ` --cacert ${ca}` : ''} \\
  -d '{"temperature": 21.5}' ${url}`,
    },
    {
      protocol: 'HTTP',
      language: 'node',
      text: `${tls ? `// run with NODE_EXTRA_CA_CERTS=${ca}\n` : ''}const answer = await fetch('${url}', {
  method: 'POST',
  headers: { authorization: 'Bearer ${secret}' },
  body: JSON.stringify({ temperature: 21.5 }),
})
console.log(answer.status) // 204: stored`,
    },
    {
      protocol: 'HTTP',
      language: 'python',
      text: `# pip install requests
import requests

answer = requests.post(
    "${url}",
    auth=("${id}", "${secret}"),
    json={"temperature": 21.5},${tls ? `\n    verify="${ca}",` : ''}
)
print(answer.status_code)  # 204: stored`,
    },
  ]
}

const webSocket = ({ host, port, tls }: Place, { id, secret }: Login): Snippet[] => [
  {
    protocol: 'WebSocket',
    language: 'node',
    text: `${tls ? `// run with NODE_EXTRA_CA_CERTS=${ca}\n` : ''}const socket = new WebSocket('${tls ? 'wss' : 'ws'}://${host}:${port}/v1/ws')
socket.onopen = () => socket.send(JSON.stringify({ id: 'login', auth: { id: '${id}', secret: '${secret}' } }))
socket.onmessage = ({ data }) => {
  const { ack } = JSON.parse(data)
  if (ack === 'login')
    socket.send(JSON.stringify({ id: 1, publish: 'devices/${id}/telemetry', payload: { temperature: 21.5 } }))
  if (ack === 1) socket.close() // stored
}`,
  },
]

const coap = ({ host, port }: Place, { id, secret }: Login): Snippet[] => [
  {
    protocol: 'CoAP',
    language: 'shell',
    text: `coap-client -m post -t application/json -e '{"temperature": 21.5}' \\
  'coap://${host}:${port}/devices/${id}/telemetry?user=${id}&pass=${secret}'`,
  },
]

const amqp = ({ host, port, tls }: Place, { id, secret }: Login): Snippet[] => [
  {
    protocol: 'AMQP',
    language: 'python',
    text: `# pip install python-qpid-proton
from proton import Message${tls ? ', SSLDomain' : ''}
from proton.utils import BlockingConnection

${tls ? `tls = SSLDomain(SSLDomain.MODE_CLIENT)\ntls.set_trusted_ca_db("${ca}")\n` : ''}connection = BlockingConnection("${tls ? 'amqps' : 'amqp'}://${host}:${port}", user="${id}",
    password="${secret}", allowed_mechs="PLAIN"${tls ? ', ssl_domain=tls' : ''})
connection.create_sender("devices/${id}/telemetry").send(Message(body='{"temperature": 21.5}'))
connection.close()`,
  },
]

const grpc = ({ host, port, tls }: Place, { id, secret }: Login): Snippet[] => [
  {
    protocol: 'gRPC',
    language: 'node',
    text: `// npm install @grpc/grpc-js @grpc/proto-loader
// curl -O${tls ? ` --cacert ${ca}` : ''} ${tls ? 'https' : 'http'}://${host}:${port}/v1/patchbay.proto
${tls ? `import { readFileSync } from 'node:fs'\n` : ''}import grpc from '@grpc/grpc-js'
${take} { loadSync } from '@grpc/proto-loader'

const { Devices } = grpc.loadPackageDefinition(loadSync('patchbay.proto')).patchbay.v1
const devices = new Devices('${host}:${port}', grpc.credentials.${tls ? `createSsl(readFileSync('${ca}'))` : 'createInsecure()'})
const metadata = new grpc.Metadata()
metadata.set('authorization', 'Bearer ${secret}')
const message = { topic: 'devices/${id}/telemetry', payload: Buffer.from('{"temperature": 21.5}') }
devices.Publish(message, metadata, (error) => console.log(error ?? 'stored'))`,
  },
]

const makers: Readonly<Record<string, (place: Place, login: Login) => Snippet[]>> = {
  'adapter-mqtt': mqtt,
  'adapter-http': http,
  'adapter-websocket': webSocket,
  'adapter-coap': coap,
  'adapter-amqp': amqp,
  'adapter-grpc': grpc,
}

/** Programs that send a first reading, whole and ready to run, for each adapter that is there. */
export const toSnippets = (adapters: readonly string[], place: Place, login: Login): Snippet[] =>
  Object.entries(makers).flatMap(([adapter, make]) => (adapters.includes(adapter) ? make(place, login) : []))

/** Where this page came from is where devices reach the platform, too: everything is on the one port. */
export const placeOf = ({ hostname, port, protocol }: Pick<Location, 'hostname' | 'port' | 'protocol'>): Place => {
  const tls = protocol === 'https:'
  return { host: hostname, port: port || (tls ? '443' : '80'), tls }
}
