import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { createApi, createDevice } from '../../test/harness/api.ts'
import { startPacedMqtt } from '../../test/harness/paced-mqtt.ts'
import { makeDataFolder, startServer } from '../../test/harness/server-process.ts'
import { percentile } from '../store/figures.ts'
import { senders } from './clients/senders.mjs'

const perSecond = 2000
const warmUpMs = 3_000
const measuredMs = 10_000

export interface IngestPair {
  /** p99 of the acknowledgement, ms, while a sink delivers what comes in. */
  sink: number
  /** The same load without a sink, while the target's own client brings as much to the same target. */
  client: number
}

/** How long devices wait for their acknowledgement while a target is fed, by a sink or beside it. */
export async function measureIngest(name: keyof typeof senders, rounds: number): Promise<IngestPair[]> {
  const data = await makeDataFolder()
  const server = await startServer({ data: data.path })
  const api = createApi(server.url)
  const instance = `/api/v1/plugins/sink-${name}/instances/bench`
  let made = 0

  const p99 = async (): Promise<number> => {
    const load = await startPacedMqtt(server.port, await createDevice(api, `meter-${(made += 1)}`), {
      perSecond,
      baseMs: Date.now(),
    })
    await wait(warmUpMs)
    load.takeDelaysMs()
    await wait(measuredMs)
    const delays = load.takeDelaysMs()
    await load.finish()
    return percentile(delays, 0.99)
  }
  const withSink = async (): Promise<number> => {
    const config = await senders[name].prepare()
    const put = await api.put(instance, { delivery: { from: 'now' }, config })
    if (put.status !== 200) throw new Error(JSON.stringify(put.body))
    const found = await p99()
    const { body } = await api.get(instance)
    if (body.sent < (perSecond * measuredMs) / 1000)
      throw new Error(`the sink did not keep up: ${JSON.stringify(body)}`)
    await api.delete(instance)
    await senders[name].remove(config)
    return found
  }
  const withClient = async (): Promise<number> => {
    const config = await senders[name].prepare()
    const file = new URL('one-run.ts', import.meta.url).pathname
    const count = (perSecond * (warmUpMs + measuredMs * 2)) / 1000
    const args = [file, name, 'client', JSON.stringify(config), String(count), '0', String(perSecond)]
    const client: ChildProcess = spawn(process.execPath, args, { stdio: 'ignore' })
    const ended = once(client, 'exit')
    try {
      return await p99()
    } finally {
      client.kill('SIGKILL')
      await ended
      await senders[name].remove(config)
    }
  }
  try {
    const pairs: IngestPair[] = []
    for (let round = 0; round < rounds; round++) {
      const before = round % 2 === 0 ? undefined : await withClient()
      const sink = await withSink()
      pairs.push({ sink, client: before ?? (await withClient()) })
    }
    return pairs
  } finally {
    await server.stop()
    await data.remove()
  }
}
