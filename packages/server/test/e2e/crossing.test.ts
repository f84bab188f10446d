import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Api, createApi, createDevice, type TestDevice } from '../harness/api.ts'
import { makeDataFolder, type ServerProcess, startServer } from '../harness/server-process.ts'
import { type Heard, subscriberNames, type Talker, talkerNames, talkers } from '../harness/talkers.ts'

let data: Awaited<ReturnType<typeof makeDataFolder>>
let server: ServerProcess
let api: Api
let app: TestDevice

beforeAll(async () => {
  data = await makeDataFolder()
  await start()
  const filters = ['devices/#', 'sensors/#']
  const made = await api.post('/api/v1/api-keys', { name: 'all ears', subscribe: filters, publish: filters })
  app = { id: 'key', secret: made.body.key }
})
afterAll(async () => {
  await server.stop()
  await data.remove()
})

const start = async (): Promise<void> => {
  server = await startServer({ data: data.path })
  api = createApi(server.url)
}

/** What each payload is must not matter to anybody on the way. */
const payloads: Record<string, Buffer> = {
  'JSON with its own blanks and zeros': Buffer.from('{ "n": 1.50,\n "text": "ü" }'),
  'text that is no JSON': Buffer.from('open, please ✓'),
  'bytes that are no text': Buffer.from([0xff, 0x00, 0x7b, 0xfe]),
}

describe.each(talkerNames)('what %s publishes', (from) => {
  test('reaches every subscriber of every protocol, with the same topic and bytes', async () => {
    const device = await createDevice(api, `from-${from.replaceAll(/\W/g, '-')}`)
    const ears = await Promise.all(subscriberNames.map((name) => talkers[name](server.port, app)))
    const heard = new Map<string, Heard[]>(subscriberNames.map((name) => [name, []]))
    await Promise.all(
      ears.map((ear, i) =>
        ear.subscribe(`devices/${device.id}/#`, (message) => heard.get(subscriberNames[i]!)?.push(message)),
      ),
    )
    const talker = await talkers[from](server.port, device)
    const sent: Heard[] = [
      ...Object.entries(payloads).map(([, bytes], i) => ({ topic: `devices/${device.id}/notes/${i}`, bytes })),
      { topic: `devices/${device.id}/telemetry`, bytes: Buffer.from('{ "n": 1.50 }') },
    ]
    for (const { topic, bytes } of sent) await talker.publish(topic, bytes)
    const shown = (list: readonly Heard[]) => list.map(({ topic, bytes }) => `${topic} ${bytes.toString('latin1')}`)
    for (const name of subscriberNames) {
      await expect.poll(() => heard.get(name)?.length, { message: `${from} → ${name}` }).toBe(sent.length)
      expect(shown(heard.get(name) ?? []), `${from} → ${name}`).toEqual(shown(sent))
    }
    await Promise.all([talker, ...ears].map((each) => each.close()))
  })
})

describe.each(subscriberNames)('who subscribes by %s', (name) => {
  test('hears first what was retained, by whichever protocol', async () => {
    const device = await createDevice(api, `kept-${name.replaceAll(/\W/g, '-')}`)
    const [mqtt, webSocket] = [
      await talkers['MQTT 5'](server.port, device),
      await talkers.WebSocket(server.port, device),
    ]
    const [first, second] = [`devices/${device.id}/notes/1`, `devices/${device.id}/notes/2`]
    await mqtt.publish(first, Buffer.from('by MQTT'), { retain: true })
    await webSocket.publish(second, Buffer.from('by WebSocket'), { retain: true })
    const ear = await talkers[name](server.port, device)
    const heard: string[] = []
    await ear.subscribe(`devices/${device.id}/notes/+`, ({ topic, bytes }) =>
      heard.push(`${topic} ${bytes.toString()}`),
    )
    await expect.poll(() => heard).toEqual([`${first} by MQTT`, `${second} by WebSocket`])
    await Promise.all([mqtt, webSocket, ear].map((each) => each.close()))
  })
})

const send = async (device: TestDevice, name: string): Promise<string> => {
  const answer = await api.post(`/api/v1/devices/${device.id}/commands`, { name, timeoutSeconds: 600 })
  expect(answer.status).toBe(202)
  return answer.body.id
}
const stateOf = async (device: TestDevice, id: string) =>
  (await api.get(`/api/v1/devices/${device.id}/commands/${id}`)).body.state

describe('a command', () => {
  test.each(talkerNames)('reaches a device that is connected by %s, and its reply settles it', async (name) => {
    const device = await createDevice(api, `down-${name.replaceAll(/\W/g, '-')}`)
    const talker = await talkers[name](server.port, device)
    const heard: Heard[] = []
    await talker.subscribe(`devices/${device.id}/commands/+`, (message) => heard.push(message))
    const id = await send(device, 'open')
    await expect.poll(() => heard.length).toBe(1)
    expect(heard[0]?.topic).toBe(`devices/${device.id}/commands/${id}`)
    expect(JSON.parse(heard[0]?.bytes.toString() ?? '')).toEqual({ name: 'open' })
    if (name !== 'HTTP') await expect.poll(() => stateOf(device, id)).toBe('delivered')
    await talker.publish(`devices/${device.id}/commands/${id}/reply`, Buffer.from('{"ok":true}'))
    expect(await stateOf(device, id)).toBe('succeeded')
    await talker.close()
  })

  test('waits for a device that is nowhere, across a kill, and comes by whichever protocol it connects with', async () => {
    const waiting: { name: (typeof talkerNames)[number]; device: TestDevice; id: string }[] = []
    for (const name of talkerNames) {
      const device = await createDevice(api, `wait-${name.replaceAll(/\W/g, '-')}`)
      waiting.push({ name, device, id: await send(device, 'restart') })
    }
    await server.kill()
    await start()
    const opened: Talker[] = []
    for (const { name, device, id } of waiting) {
      expect(await stateOf(device, id)).toBe('queued')
      const talker = await talkers[name](server.port, device)
      opened.push(talker)
      const topics: string[] = []
      await talker.subscribe(`devices/${device.id}/commands/+`, ({ topic }) => topics.push(topic))
      await expect.poll(() => topics, { message: name }).toEqual([`devices/${device.id}/commands/${id}`])
      await talker.publish(`devices/${device.id}/commands/${id}/reply`, Buffer.from('{"ok":true}'))
      expect(await stateOf(device, id), name).toBe('succeeded')
    }
    await Promise.all(opened.map((each) => each.close()))
  })
})
