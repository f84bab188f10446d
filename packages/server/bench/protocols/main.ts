// `npm run bench:protocols`: what one acknowledged message costs the server by each protocol, in CPU time of its process.
import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { startAmqpLoad } from '../../test/harness/amqp-load.ts'
import { createApi, createDevice } from '../../test/harness/api.ts'
import { awaitCoap, startCoapLoad } from '../../test/harness/coap-load.ts'
import { startGrpcLoad } from '../../test/harness/grpc-load.ts'
import { startHttpLoad } from '../../test/harness/http-load.ts'
import { startMqttLoad } from '../../test/harness/mqtt-load.ts'
import { makeDataFolder, startServer } from '../../test/harness/server-process.ts'
import { startWebSocketLoad } from '../../test/harness/websocket-load.ts'
import { toTable } from '../store/figures.ts'

const { values: given } = parseArgs({
  options: {
    devices: { type: 'string', default: '4' },
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '3' },
  },
})
const seconds = Number(given.seconds)
const warmUpMs = 3_000
const endMs = 2_000
/** Of Linux, as sysconf(_SC_CLK_TCK) says on every platform that Node is built for. */
const tickMicros = 10_000

const protocols = {
  'MQTT 3.1.1, QoS 1': startMqttLoad,
  WebSocket: startWebSocketLoad,
  'AMQP 1.0': startAmqpLoad,
  'gRPC, PublishStream': startGrpcLoad,
  'CoAP, confirmable': startCoapLoad,
  HTTP: startHttpLoad,
}

const data = await makeDataFolder()
const server = await startServer({ data: data.path })
const api = createApi(server.url)
await awaitCoap(server.port)
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
const median = (list: readonly number[]) => list.toSorted((a, b) => a - b)[list.length >> 1] ?? Number.NaN

/** CPU of the server's process so far, kernel time included. */
async function cpuMicros(): Promise<number> {
  const fields = (await readFile(`/proc/${server.child.pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * tickMicros
}

async function measure(name: string, start: typeof startMqttLoad): Promise<{ micros: number; rate: number }> {
  const baseMs = Date.now() - 86_000_000
  const devices = await Promise.all(
    Array.from({ length: Number(given.devices) }, (_, i) => createDevice(api, `${name.replaceAll(/\W/g, '-')}-${i}`)),
  )
  const loads = devices.map((device) => start(server.port, device, { inFlight: 50, baseMs, from: 0 }))
  const acked = () => loads.reduce((sum, load) => sum + load.acked.length, 0)
  await pause(warmUpMs)
  const [cpu, before, fromMs] = [await cpuMicros(), acked(), performance.now()]
  await pause(seconds * 1000)
  const messages = acked() - before
  const figures = {
    micros: ((await cpuMicros()) - cpu) / messages,
    rate: (messages * 1000) / (performance.now() - fromMs),
  }
  for (const load of loads) load.close()
  await Promise.race([Promise.all(loads.map((load) => load.ended)), pause(endMs)])
  for (const { id } of devices) await api.delete(`/api/v1/devices/${id}?data=delete`)
  return figures
}

const taken = new Map<string, { micros: number; rate: number }[]>()
for (let round = 0; round < Number(given.rounds); round++) {
  for (const [name, start] of Object.entries(protocols)) {
    taken.set(name, [...(taken.get(name) ?? []), await measure(name, start)])
  }
}
const rows = [...taken].map(([name, figures]) => [
  name,
  median(figures.map(({ micros }) => micros)).toFixed(1),
  median(figures.map(({ rate }) => rate)).toFixed(0),
])
process.stdout.write(`${toTable([['protocol', 'CPU µs/message', 'messages/s'], ...rows])}\n`)
await server.stop()
await data.remove()
