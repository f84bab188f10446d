import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readLists } from '../src/document-lists.ts'
import { fillEnvironment } from '../src/environment.ts'
import { readListeners } from '../src/listeners.ts'
import { createConfigFile, createRouteFile } from '../src/standalone.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'patchbay-standalone-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))
const write = (text: string, name = 'apisix.yaml') => writeFile(join(folder, name), text)

describe('apisix.yaml', () => {
  /** The example that the users of mqtt-proxy start from, as it is published. */
  const published = `
stream_routes:
  -
    id: 1
    server_port: 9100
    plugins:
      mqtt-proxy:
        protocol_name: "MQTT"
        protocol_level: 5
    upstream:
      type: chash
      key: mqtt_client_id
      nodes:
        - host: 127.0.0.1
          port: 1883
          weight: 1
        - host: 127.0.0.1
          port: 1884
          weight: 1
#END
`
  test('the published example is taken as it is', async () => {
    await write(published)
    const read = await createRouteFile(folder, {}).poll()
    expect(read?.problems).toEqual([])
    expect(read?.documents.stream_routes.get('1')).toMatchObject({
      server_port: 9100,
      plugins: { 'mqtt-proxy': { protocol_name: 'MQTT', protocol_level: 5 } },
      upstream: { type: 'chash', hash_on: 'vars', key: 'mqtt_client_id' },
    })
  })

  test('is read once per change, and only when its last line is #END', async () => {
    const file = createRouteFile(folder, {})
    expect(await file.poll()).toBeUndefined()
    expect(file.problem).toBeUndefined()
    await write('upstreams: [')
    expect(await file.poll()).toBeUndefined()
    expect(file.problem).toContain('#END')
    await write(published)
    expect(await file.poll()).toBeDefined()
    expect(await file.poll()).toBeUndefined()
    expect(file.problem).toBeUndefined()
    await write('upstreams: [\n#END')
    expect(await file.poll()).toBeUndefined()
    expect(file.problem).toContain('cannot be read')
  })

  test('an object that is wrong is left out and named; the others serve', () => {
    const { documents, problems } = readLists({
      upstreams: [
        { id: 1, nodes: { '127.0.0.1:1883': 1 } },
        { id: 2, type: 'chash', nodes: [] },
        { id: 3, nodes: { nowhere: 1 } },
      ],
      stream_routes: [
        { id: 'x', server_addr: '10.0.0.0/99' },
        { id: 'y', colour: 'blue' },
      ],
      routes: [],
    })
    expect([...documents.upstreams.keys()]).toEqual(['1'])
    expect(problems).toEqual(
      [
        expect.stringContaining('routes is not a list that the gateway knows'),
        expect.stringContaining('upstreams/2: missing key'),
        expect.stringContaining('upstreams/3: nodes/nowhere'),
        expect.stringContaining('stream_routes/x: 10.0.0.0/99 is no address'),
        expect.stringContaining('stream_routes/y: '),
      ].toSorted(
        (a, b) => problems.findIndex((p) => a.asymmetricMatch(p)) - problems.findIndex((p) => b.asymmetricMatch(p)),
      ),
    )
  })

  test('a prototype is no key', () => {
    const { problems } = readLists(JSON.parse('{"upstreams":[{"id":1,"nodes":{},"__proto__":{"polluted":1}}]}'))
    expect(problems).toHaveLength(1)
    expect(Reflect.get({}, 'polluted')).toBeUndefined()
  })
})

describe('the environment', () => {
  test('fills names, numbers and what is left out', () => {
    const filled = fillEnvironment(
      { host: '${{HOST}}', port: '${{ PORT }}', text: 'a-${{HOST}}-b', other: '${{NONE:=x}}', plain: '$HOME' },
      { HOST: 'broker', PORT: '1883' },
    )
    expect(filled).toEqual({ host: 'broker', port: 1883, text: 'a-broker-b', other: 'x', plain: '$HOME' })
    expect(() => fillEnvironment(['${{NONE}}'], {})).toThrow('no NONE')
  })

  test('a value cannot become structure', async () => {
    await write('upstreams:\n  - id: 1\n    desc: "${{TEXT}}"\n    nodes: {}\n#END\n')
    const read = await createRouteFile(folder, { TEXT: 'a", nodes: {"evil:1": 1}' }).poll()
    expect(read?.documents.upstreams.get('1')).toMatchObject({ desc: 'a", nodes: {"evil:1": 1}', nodes: {} })
  })
})

describe('config.yaml', () => {
  test('names listeners in every form', async () => {
    await write(
      'apisix:\n  stream_proxy:\n    tcp:\n      - 9100\n      - "127.0.0.10:9101"\n      - addr: "[::1]:9102"\n        tls: true\n      - addr: 9103\n        proxy_protocol: true\n        proxy_protocol_to_upstream: true\n',
      'config.yaml',
    )
    const off = { tls: false, proxyProtocol: false, proxyToUpstream: false }
    const file = createConfigFile(folder, {})
    expect(await file.poll()).toEqual([
      { ...off, port: 9100, address: '' },
      { ...off, port: 9101, address: '127.0.0.10' },
      { ...off, port: 9102, address: '::1', tls: true },
      { ...off, port: 9103, address: '', proxyProtocol: true, proxyToUpstream: true },
    ])
    expect(file.problems).toEqual([])
  })

  test('an empty folder waits for its files; one of them without the other, or a folder that is not there, is told', async () => {
    const [config, routes] = [createConfigFile(folder, {}), createRouteFile(folder, {})]
    expect([await config.poll(), await routes.poll()]).toEqual([undefined, undefined])
    expect([config.problems, routes.problem]).toEqual([[], undefined])
    await write(`upstreams: []\n#END\n`)
    expect(await routes.poll()).toBeDefined()
    expect(await config.poll()).toBeUndefined()
    expect(config.problems[0]).toContain('cannot be read')
    await rm(join(folder, 'apisix.yaml'))
    expect([await config.poll(), await routes.poll()]).toEqual([undefined, undefined])
    // The routes that were read stay in force.
    expect([config.problems, routes.problem]).toEqual([[], expect.stringContaining('cannot be read')])
    const nowhere = createRouteFile(join(folder, 'nowhere'), {})
    await nowhere.poll()
    expect(nowhere.problem).toContain('cannot be read')
  })

  test('what is wrong is named', async () => {
    expect(readListeners({}).problems).toHaveLength(1)
    const { listeners, problems } = readListeners({
      apisix: { stream_proxy: { tcp: [0, 'host:1', 70_000, { tls: true }], udp: [53] } },
    })
    expect(listeners).toEqual([])
    expect(problems).toHaveLength(5)
  })
})

test('a changed config.yaml is taken when it has come to rest, and one with nothing but faults closes no port', async () => {
  const file = createConfigFile(folder, {})
  const save = (tcp: string) => write(`apisix:\n  stream_proxy:\n    tcp: ${tcp}\n`, 'config.yaml')
  const ports = async () => (await file.poll())?.map(({ port }) => port)
  await save('[9100]')
  expect(await ports()).toEqual([9100])
  expect(await ports()).toBeUndefined()
  await save('[9100, 91')
  expect(await ports()).toBeUndefined()
  // Still being written.
  await save('[9100, 9101]')
  expect(await ports()).toBeUndefined()
  expect(await ports()).toEqual([9100, 9101])
  expect(file.problems).toEqual([])
  for (const wrong of ['[no-port]', '[9100, 91']) {
    await save(wrong)
    expect([await ports(), await ports(), file.problems.length]).toEqual([undefined, undefined, 1])
  }
  await save('[]')
  expect([await ports(), await ports(), file.problems]).toEqual([undefined, [], []])
})

test('rings that are too big together are left out of the file’s lists, and named', () => {
  const upstreams = [1, 2, 3].map((id) => ({
    id,
    type: 'chash',
    key: 'remote_addr',
    nodes: { 'a:1': 3_000, 'b:1': 1 },
  }))
  const { documents, problems } = readLists({ upstreams })
  expect([...documents.upstreams.keys()]).toEqual(['1', '2'])
  expect(problems).toEqual([expect.stringContaining('upstreams/3: its rings of 480160 points')])
})
