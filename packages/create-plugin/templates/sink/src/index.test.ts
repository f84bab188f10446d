import { once } from 'node:events'
import { createServer } from 'node:http'
import { runSink, startPlugin, toRecords } from '@patchbay/testkit'
import { expect, test } from 'vitest'
import plugin from './index.ts'

test('what the service refuses is the only thing refused, in its own words', async () => {
  const taken: number[] = []
  const service = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    const numbers: number[] = JSON.parse(body).map(({ values }: { values: { n: number } }) => values.n)
    response.setHeader('connection', 'close')
    if (numbers.includes(7)) response.writeHead(422).end('7 is no good')
    else response.end(String(taken.push(...numbers)))
  })
  await once(service.listen(0, '127.0.0.1'), 'listening')
  const address = service.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const host = await startPlugin(plugin, {
    manifest: new URL('../plugin.json', import.meta.url),
    config: { url: `http://127.0.0.1:${port}/`, token: 'a-secret-token' },
    isolation: 'worker',
  })
  const sink = host.sinks.get('my-plugin')
  if (!sink) throw new Error(JSON.stringify(host.status))
  const { refused } = await runSink(sink, toRecords({ count: 10 }))
  expect(refused).toMatchObject([{ record: { values: { n: 7 } }, reply: '422 7 is no good' }])
  expect(taken).toEqual([0, 1, 2, 3, 4, 5, 6, 8, 9])
  expect(await host.stop()).toEqual({ failures: [], left: [] })
  service.close()
})
