import type { Plugin } from '@patchbay/sdk'
import { describe, expect, test, vi } from 'vitest'
import { createFakeSessions, type FakeSessions } from '../fakes/sessions.ts'
import { type StartedPlugin, startPlugin, type StartOptions } from '../start-plugin.ts'

/** The devices that the suite's platform knows. */
export const suiteDevice = { id: 'meter-1', secret: 'secret-of-meter-1' }

export interface AdapterContract {
  plugin: Plugin
  /** The manifest and a configuration that starts. */
  options: StartOptions
  /** A configuration that validation or setup must refuse. */
  badConfig: unknown
  /** Publishes one message as the device; resolves when the protocol has acknowledged it, rejects when it was refused. */
  publish(
    host: StartedPlugin,
    as: { id: string; secret: string },
    message: { topic: string; payload: string },
  ): Promise<unknown>
  /** The message as JSON text, for an adapter that hands it on in another form. */
  payloadOf?(bytes: Uint8Array): string
  /** Publishes with a wrong secret and expects the refusal in the protocol's own words. */
  wrongCredentials?(host: StartedPlugin, as: { id: string; secret: string }): Promise<void>
}

const clean = { failures: [], left: [] }

/** What every adapter must do, whatever it speaks. Call it inside a test file of the plugin. */
export function adapterContract(contract: AdapterContract): void {
  const start = (sessions: FakeSessions = knownDevices()): Promise<StartedPlugin> =>
    startPlugin(contract.plugin, { ...contract.options, sessions })
  const knownDevices = (autoSettle = true): FakeSessions =>
    createFakeSessions({ devices: { [suiteDevice.id]: suiteDevice.secret }, autoSettle })
  const topic = `devices/${suiteDevice.id}/telemetry`

  describe('adapter contract', () => {
    test('starts and stops without leaving anything behind', async () => {
      const host = await start()
      expect(host.status.state).toMatch(/^(running|degraded)$/)
      expect(await host.stop()).toEqual(clean)
      expect(host.status.state).toBe('stopped')
    })

    test('stopping twice is stopping once', async () => {
      const host = await start()
      const first = host.stop()
      expect(host.stop()).toBe(first)
      expect(await first).toEqual(clean)
    })

    test('stops while it starts', async () => {
      let begun: () => void = () => undefined
      const host = await startPlugin(contract.plugin, {
        ...contract.options,
        sessions: knownDevices(),
        // The platform stops it while its setup is under way.
        onSetup: () => begun(),
      })
      const again = new Promise<void>((resolve) => (begun = resolve))
      const restarting = host.reconfigure(contract.options.config ?? {})
      await again
      const [report] = await Promise.all([host.stop(), restarting])
      expect(report).toEqual(clean)
      expect(host.status.state).toBe('stopped')
    })

    test('refuses a bad configuration', async () => {
      const refused = await startPlugin(contract.plugin, { ...contract.options, config: contract.badConfig }).then(
        async (host) => {
          const { state } = host.status
          await host.stop()
          return state
        },
        () => 'needs-config',
      )
      expect(refused).toBe('needs-config')
    })

    test('acknowledges a message only when it is durable', async () => {
      const sessions = knownDevices(false)
      const host = await start(sessions)
      const acknowledged = vi.fn<() => void>()
      const sent = contract.publish(host, suiteDevice, { topic, payload: '{"temperature":21.5}' }).then(acknowledged)
      await vi.waitFor(() => expect(sessions.published).toHaveLength(1), { timeout: 5_000 })
      // Whatever is on its way has every chance to arrive.
      for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate)
      expect(acknowledged).not.toHaveBeenCalled()
      const [message] = sessions.published
      expect(message?.topic).toBe(topic)
      const bytes = Buffer.from(message?.bytes ?? [])
      expect(contract.payloadOf?.(bytes) ?? bytes.toString()).toBe('{"temperature":21.5}')
      message?.settle()
      await sent
      expect(acknowledged).toHaveBeenCalledOnce()
      expect(await host.stop()).toEqual(clean)
    })

    test.runIf('wrongCredentials' in contract)('refuses a wrong secret in the words of its protocol', async () => {
      const sessions = knownDevices()
      const host = await start(sessions)
      await contract.wrongCredentials?.(host, { id: suiteDevice.id, secret: 'wrong' })
      expect(sessions.published).toHaveLength(0)
      expect(await host.stop()).toEqual(clean)
    })

    // What it leaves behind is left in the host's own process only: a thread or a process of its own takes all with it.
    const isShared = (contract.options.isolation ?? 'host') === 'host'
    const turns = isShared || process.env['PATCHBAY_TEST_LONG'] === '1' ? 20 : 4
    test(`can be reconfigured ${turns} times`, { timeout: 60_000 }, async () => {
      const host = await start()
      for (let turn = 0; turn < turns; turn += 1) await host.reconfigure(contract.options.config ?? {})
      expect(host.status.state).toMatch(/^(running|degraded)$/)
      expect(await host.stop()).toEqual(clean)
    })
  })
}
