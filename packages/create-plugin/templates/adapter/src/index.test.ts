import { adapterContract, type StartedPlugin } from '@patchbay/testkit'
import plugin from './index.ts'

const post = async (host: StartedPlugin, as: { id: string; secret: string }, payload: string): Promise<number> => {
  const headers = { 'x-secret': as.secret, 'content-type': 'application/json' }
  const { statusCode } = await host.request({ method: 'POST', url: `/x/my-plugin/${as.id}`, headers, payload })
  return statusCode
}

// Among other things it holds back what makes a reading durable, and looks that nothing was answered meanwhile.
adapterContract({
  plugin,
  options: { manifest: new URL('../plugin.json', import.meta.url) },
  badConfig: { maxBytes: 1 },
  async publish(host, as, { payload }) {
    const status = await post(host, as, payload)
    if (status !== 204) throw new Error(`answered ${status}`)
  },
  async wrongCredentials(host, as) {
    const status = await post(host, as, '{}')
    if (status !== 401) throw new Error(`answered ${status}`)
  },
})
