import { createHttpRemote, startPlugin, toSample } from '@patchbay/testkit'
import { expect, test } from 'vitest'
import plugin from './index.ts'

test('an alert is delivered when the remote has accepted it, with its id as the key', async () => {
  const remote = await createHttpRemote()
  const host = await startPlugin(plugin, {
    manifest: new URL('../plugin.json', import.meta.url),
    config: { url: remote.url, token: 'a-secret-token' },
    privateTargets: ['127.0.0.1'],
  })
  const channel = host.alertChannels.get('my-plugin')
  const answer = await channel?.deliver(toSample('n-1'), { attempt: 1, signal: AbortSignal.timeout(5_000) })
  expect(answer?.outcome).toBe('delivered')
  expect(remote.received[0]?.headers['idempotency-key']).toBe('n-1')
  expect(await host.stop()).toEqual({ failures: [], left: [] })
  await remote.close()
})
