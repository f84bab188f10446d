import { createApi } from '../harness/api.ts'
import { packFeed, uploadPlugin } from '../harness/packed-plugin.ts'
import { testKey } from '../harness/server-process.ts'

export const publishOver = (url: string, id: string, secret: string, body: unknown): Promise<Response> =>
  fetch(`${url}/v1/devices/${id}/telemetry`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}` },
    body: JSON.stringify(body),
  })

/** A platform with something on every page: 150 boilers, four hours of one of them, a rule with alerts, a channel, and what waits. Answers the secret of `sensor-01`. */
export const fillPlatform = async (url: string, remote: string): Promise<string> => {
  const api = createApi(url)
  let secret = ''
  await api.post('/api/v1/types', {
    id: 'boiler',
    title: 'Boiler',
    keys: [{ key: 'temperature', kind: 'number', unit: '°C' }],
  })
  const register = async (n: number): Promise<void> => {
    const body = {
      id: `sensor-${String(n).padStart(2, '0')}`,
      name: `Boiler house ${n}`,
      type: 'boiler',
      tags: [n % 2 ? 'north' : 'south'],
    }
    const made = await api.post('/api/v1/devices', body)
    if (n === 1) secret = made.body.credentials.password
    if (n < 20)
      await publishOver(url, body.id, made.body.credentials.password, {
        temperature: 40 + n,
        pressure: 2 + n / 10,
        pump: n % 3 === 0,
      })
  }
  for (let n = 1; n <= 150; n += 10) await Promise.all(Array.from({ length: 10 }, (_each, at) => register(n + at)))
  await uploadPlugin(url, testKey, packFeed())
  await api.post('/api/v1/devices/sensor-01/certificates', {})
  await api.put('/api/v1/plugins/sink-file/instances/files', { select: { keys: ['pressure'] }, config: {} })
  // Nobody listens there: how a source in trouble looks.
  await api.put('/api/v1/plugins/source-amqp/instances/rabbit', {
    config: { url: 'amqp://127.0.0.1:1', queue: 'meters' },
  })
  await api.post('/api/v1/provisioning-keys', { name: 'Line 4', idPrefix: 'pump-', quota: 500 })
  await api.put('/api/v1/channels/ops', {
    plugin: 'alert-webhook',
    config: { url: remote, headers: [], contentType: 'application/json' },
  })
  await api.post('/api/v1/rules', {
    name: 'Too hot',
    scope: { types: ['boiler'] },
    levels: [
      { severity: 'critical', when: { all: [{ key: 'temperature', op: '>', value: 88 }] } },
      { severity: 'warning', when: 'temperature > 84.0' },
    ],
  })
  const now = Date.now()
  const history = Array.from({ length: 240 }, (_each, n) => ({
    ts: now - (240 - n) * 60_000,
    values: { temperature: 74 + 15 * Math.sin(n / 18) + Math.sin(n), pressure: 30 + 4 * Math.sin(n / 30) },
  }))
  await publishOver(url, 'sensor-01', secret, history)
  await publishOver(url, 'sensor-01', secret, { temperature: 91.5, pump: true })
  await publishOver(url, 'sensor-01', 'wrong', {})
  await api.patch('/api/v1/devices/sensor-01/shadow', { desired: { setpoint: 60, mode: 'auto' } })
  await api.post('/api/v1/devices/sensor-01/commands', { name: 'reboot', params: { delay: 5 }, timeoutSeconds: 600 })
  return secret
}
