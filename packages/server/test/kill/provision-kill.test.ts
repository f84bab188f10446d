import { setTimeout as wait } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createApi } from '../harness/api.ts'
import { createDeviceHttp } from '../harness/mqtt-client.ts'
import { createRandom, isLong } from '../harness/random.ts'
import { makeDataFolder, startServer } from '../harness/server-process.ts'

const rounds = isLong ? 60 : 6
const askersPerRound = 12
/** Reached before the last round, so that what was cut short must have given its place back. */
const quota = rounds * 35
/** Counted in answers and not in time: a quick server would reach the quota in the first round, and nobody would be asking when it is killed. */
const killWithinAnswers = 90
/** After the last of those answers: about what one takes, so that all steps of it are cut short. */
const killWithinMs = 10

interface Given {
  id: string
  claim: string
  secret: string
}

test(
  `no device that was given credentials is lost by ${rounds} × kill -9, and the count stays exact`,
  { timeout: rounds * 15_000 + 30_000 },
  async () => {
    const random = createRandom('provision kill')
    const data = await makeDataFolder()
    const given: Given[] = []
    /** Asked, and killed before the answer. */
    let unanswered: { id: string; claim: string }[] = []
    let lost = 0
    let again = 0
    let serial = 0
    try {
      let server = await startServer({ data: data.path })
      const made = await createApi(server.url).post('/api/v1/provisioning-keys', { name: 'Kill', quota })
      const { key, provisioningKey } = made.body
      for (let round = 0; round < rounds; round++) {
        if (round > 0) server = await startServer({ data: data.path })
        const http = createDeviceHttp(server.url, { id: 'provision', secret: key })
        // On a busy machine the adapter may start after the one port listens.
        await expect.poll(async () => (await http('provision', '[]')).status, { timeout: 10_000 }).toBe(422)
        const stop = new AbortController()
        const left = unanswered
        unanswered = []
        const { promise: enough, resolve: haveEnough } = Promise.withResolvers<void>()
        let answersLeft = 1 + Math.floor(random.next() * killWithinAnswers)
        const ask = async (): Promise<void> => {
          while (!stop.signal.aborted) {
            const device = left.pop() ?? { id: `k-${serial++}`, claim: `claim-of-${serial}-0123456789` }
            const isLeft = device.id in known
            known[device.id] = true
            try {
              const answer = await http('provision', { deviceId: device.id, claim: device.claim })
              if (answer.status === 200) {
                if (--answersLeft === 0) haveEnough()
                if (isLeft && answer.body.again) again++
                given.push({ ...device, secret: answer.body.credentials.password })
              } else if (answer.status !== 429) throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`)
              else return
            } catch (error) {
              // The connection broke: the server was killed.
              if (!(error instanceof TypeError)) throw error
              unanswered.push(device)
              return
            }
          }
        }
        const asking = Array.from({ length: askersPerRound }, ask)
        await Promise.race([enough, Promise.all(asking)])
        await wait(random.next() * killWithinMs)
        await server.kill()
        stop.abort()
        await Promise.all(asking)
        lost += unanswered.length
      }
      server = await startServer({ data: data.path })
      const api = createApi(server.url)
      let missing = 0
      for (const { id, secret } of given) {
        const stored = await api.get(`/api/v1/devices/${id}`)
        if (stored.body.provisionedBy !== provisioningKey.id) missing++
        const sent = await createDeviceHttp(server.url, { id, secret })(`devices/${id}/telemetry`, { n: 1 })
        if (sent.status !== 204) missing++
      }
      const devices: string[] = []
      let cursor: string | undefined
      do {
        const query = cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`
        const page = await api.get(`/api/v1/devices?provisionedBy=${provisioningKey.id}&limit=200${query}`)
        devices.push(...page.body.items.map((each: { id: string }) => each.id))
        cursor = page.body.nextCursor
      } while (cursor !== undefined)
      const { used } = (await api.get(`/api/v1/provisioning-keys/${provisioningKey.id}`)).body
      console.log(
        `provision kill: ${rounds} × kill -9, answered ${given.length}, missing ${missing}, unanswered ${lost}, asked again ${again}, ` +
          `devices ${devices.length}, used ${used} of ${quota}, seed ${random.seed}`,
      )
      await server.stop()
      expect(missing).toBe(0)
      expect(used).toBe(devices.length)
      expect(used).toBeLessThanOrEqual(quota)
      expect(lost).toBeGreaterThan(0)
      expect(given.length).toBeGreaterThan(rounds)
    } finally {
      await data.remove()
    }
  },
)

/** Devices that have asked before. */
const known: Record<string, boolean> = Object.create(null)
