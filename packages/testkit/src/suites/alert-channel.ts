import { maxReplyChars, type DeliveryAnswer, type Notification } from '@patchbay/contracts/notification'
import { toTestNotification } from '@patchbay/sdk/alert-channel'
import type { AlertChannel, Plugin } from '@patchbay/sdk'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Remote, RemoteMood } from '../remotes/remote.ts'
import { type StartedPlugin, startPlugin, type StartOptions } from '../start-plugin.ts'

/** An abort must end a try within this. */
export const abortMs = 1_000

export interface AlertChannelContract<R extends Remote = Remote> {
  plugin: Plugin
  /** The plugin's own plugin.json. */
  manifest: URL
  /** As the manifest names it. */
  channel: string
  badConfigs: readonly unknown[]
  /** The other side. Left out: the channel ends inside the platform, and `config` is enough. */
  remote?: { open(): Promise<R>; config(remote: R): Record<string, unknown> }
  config?: Record<string, unknown>
  /** Parts of the configuration that no reply may show. */
  secrets?: readonly string[]
  /** What the remote asks to wait when it is busy, where its protocol can say so. */
  busyMs?: number
  /** The idempotency key of each call as the remote sees it, where its protocol has one. */
  idsOf?(remote: R): readonly string[]
  /** Where the plugin's code runs. */
  isolation?: StartOptions['isolation']
}

const clean = { failures: [], left: [] }
const loopback = ['127.0.0.0/8', '::1']

/** A notification as the platform makes them, with what a hostile device would send. */
export const toSample = (id: string, more: Partial<Notification> = {}): Notification => ({
  ...toTestNotification(id, '2026-11-24T12:00:00.000Z'),
  kind: 'raised',
  alert: {
    id: 'alert-1',
    severity: 'critical',
    state: 'open',
    raisedAt: '2026-11-24T11:59:58.000Z',
    count: 3,
    value: { temperature: 91.5 },
    cause: 'temperature > 90',
  },
  rule: { id: 'too-hot', name: 'Too hot' },
  device: { id: 'boiler-1', name: '<!channel> *Boiler* "1" {{ x }}', type: 'boiler', tags: ['cellar'] },
  link: 'http://localhost:8080/alerts/alert-1',
  ...more,
})

/** What every alert channel must do. Call it inside a test file of the plugin. */
export function alertChannelContract<R extends Remote = Remote>(contract: AlertChannelContract<R>): void {
  const { plugin, manifest, channel } = contract
  let remote: R | undefined
  let host: StartedPlugin | undefined

  const config = (): Record<string, unknown> =>
    contract.remote && remote ? contract.remote.config(remote) : (contract.config ?? {})
  const start = async (of: unknown = config()): Promise<StartedPlugin> =>
    (host = await startPlugin(plugin, {
      manifest,
      config: of,
      privateTargets: loopback,
      ...(contract.isolation ? { isolation: contract.isolation } : {}),
    }))
  const channelOf = ({ alertChannels }: StartedPlugin): AlertChannel => {
    const found = alertChannels.get(channel)
    if (!found) throw new TypeError(`The plugin does not contribute ${channel}.`)
    return found
  }
  const deliver = (of: StartedPlugin, id = 'n-1', signal = new AbortController().signal, attempt = 1) =>
    channelOf(of).deliver(toSample(id), { attempt, signal })

  beforeEach(async () => {
    remote = await contract.remote?.open()
  })
  afterEach(async () => {
    await host?.stop()
    host = undefined
    await remote?.close()
  })

  describe('alert channel contract', () => {
    test('is there while the plugin runs and gone when it stopped', async () => {
      const started = await start()
      expect(started.status.state).toBe('running')
      expect(started.alertChannels.has(channel)).toBe(true)
      const first = started.stop()
      expect(started.stop()).toBe(first)
      expect(await first).toEqual(clean)
      expect(started.alertChannels.size).toBe(0)
    })

    test.for(contract.badConfigs.map((bad) => [JSON.stringify(bad), bad] as const))(
      'refuses a bad configuration: %s',
      async ([, bad]) => {
        const reached = await start({ ...config(), ...Object(bad) }).then(
          ({ status }) => status.state,
          () => 'needs-config',
        )
        expect(reached).toBe('needs-config')
      },
    )

    test('delivers, and many at once', async () => {
      const started = await start()
      const ids = Array.from({ length: 8 }, (_, index) => `n-${index}`)
      const answers = await Promise.all(ids.map((id) => deliver(started, id)))
      for (const answer of answers)
        expect(answer).toMatchObject({ outcome: 'delivered', reply: expect.stringMatching(/./) })
      if (remote) expect(remote.calls).toBe(ids.length)
      expect(await started.stop()).toEqual(clean)
    })

    test('what is about to be saved is checked without sending anything', async () => {
      const started = await start()
      expect(await started.verify(config(), 'save')).toMatchObject({ ok: true })
      expect(remote?.calls ?? 0).toBe(0)
      expect(started.messages.published).toEqual([])
    })
  })

  if (!contract.remote) return

  const theRemote = (): R => {
    if (!remote) throw new TypeError('The remote was not opened.')
    return remote
  }
  const outcomes: readonly [RemoteMood, DeliveryAnswer['outcome']][] = [
    ['accept', 'delivered'],
    ['refuse', 'refused'],
    ['busy', 'retry'],
    ['fail', 'retry'],
    ['cut', 'retry'],
  ]

  describe('alert channel contract, with a remote', () => {
    test.for(outcomes)('a remote that is to %s ends a try as %s, in its own words', async ([mood, outcome]) => {
      theRemote().behave(mood)
      const started = await start()
      const answer = await deliver(started)
      expect(answer.outcome).toBe(outcome)
      if (mood !== 'cut' && mood in theRemote().words)
        expect(answer.reply).toContain(Reflect.get(theRemote().words, mood))
      expect(answer.afterMs).toBe(mood === 'busy' ? contract.busyMs : undefined)
      expect(await started.stop()).toEqual(clean)
    })

    test('a remote that is not there is tried again, and the network’s error is told', async () => {
      const started = await start()
      await theRemote().close()
      expect(await deliver(started)).toMatchObject({ outcome: 'retry', reply: expect.stringContaining('ECONNREFUSED') })
    })

    test('a remote that tells back what it was sent betrays no secret and fills no timeline', async () => {
      theRemote().behave('echo')
      const started = await start()
      const { outcome, reply } = await deliver(started)
      expect(outcome).toBe('retry')
      expect(reply.length).toBeLessThanOrEqual(maxReplyChars)
      for (const secret of contract.secrets ?? []) {
        expect(reply).not.toContain(secret)
        expect(reply).not.toContain(encodeURIComponent(secret))
        expect(reply).not.toContain(Buffer.from(secret).toString('base64'))
      }
      expect(JSON.stringify(started.log.lines)).not.toContain(contract.secrets?.[0] ?? '\0')
    })

    test('a try is given up when its signal aborts', async () => {
      theRemote().behave('hang')
      const started = await start()
      const abort = new AbortController()
      const trying = deliver(started, 'n-1', abort.signal)
      await vi.waitFor(() => expect(theRemote().calls).toBe(1))
      const sinceMs = performance.now()
      abort.abort()
      expect(await trying).toMatchObject({ outcome: 'retry' })
      expect(performance.now() - sinceMs).toBeLessThan(abortMs)
      expect(await started.stop()).toEqual(clean)
    })

    test('a try under way ends when the plugin stops', async () => {
      theRemote().behave('hang')
      const started = await start()
      const trying = deliver(started)
      await vi.waitFor(() => expect(theRemote().calls).toBe(1))
      expect(await started.stop()).toEqual(clean)
      expect(await trying).toMatchObject({ outcome: 'retry' })
    })

    test('every try of a notification carries the same key, other notifications another', async () => {
      const started = await start()
      for (const [id, attempt] of [
        ['n-1', 1],
        ['n-1', 2],
        ['n-2', 1],
      ] as const)
        await deliver(started, id, new AbortController().signal, attempt)
      const ids = contract.idsOf?.(theRemote())
      if (!ids) return
      expect(ids).toHaveLength(3)
      expect([ids[0] === ids[1], ids[0] === ids[2]]).toEqual([true, false])
    })

    test('the test of unsaved values says the remote’s own words, good and bad', async () => {
      const started = await start()
      expect(await started.verify(config())).toMatchObject({
        ok: true,
        reply: expect.stringContaining(theRemote().words.accept),
      })
      for (const mood of ['refuse', 'fail'] as const) {
        theRemote().behave(mood)
        expect(await started.verify(config())).toMatchObject({
          ok: false,
          text: expect.stringContaining(theRemote().words[mood]),
        })
      }
      expect(theRemote().calls).toBe(3)
    })
  })
}
