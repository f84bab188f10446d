import { adapterContract, type StartedPlugin } from '@patchbay/testkit'
import { decode } from 'cborg'
import plugin from '../src/index.ts'

const write = (host: StartedPlugin, as: { id: string; secret: string }, payload: string) =>
  host.request({
    method: 'POST',
    url: '/write?db=any',
    payload,
    headers: { authorization: `Token ${as.id}:${as.secret}`, 'content-type': 'text/plain' },
  })

adapterContract({
  plugin,
  options: { manifest: new URL('../plugin.json', import.meta.url), config: {} },
  badConfig: { maxBodyMib: 0 },
  async publish(host, as, { payload }) {
    const fields = Object.entries(JSON.parse(payload) as Record<string, number>)
    const answer = await write(
      host,
      as,
      fields.map(([key, value]) => `${key},device=${as.id} value=${value}`).join('\n'),
    )
    if (answer.statusCode !== 204) throw new Error(answer.payload)
  },
  payloadOf: (bytes) => JSON.stringify(decode(bytes)),
  async wrongCredentials(host, as) {
    const answer = await write(host, as, 'm value=1')
    const said = `${answer.statusCode} ${answer.headers['www-authenticate']} ${Object.keys(answer.json()).join()}`
    if (said !== '401 Basic realm="InfluxDB" error,code,message') throw new Error(said)
  },
})
