import { type Generated, GenerateError, load } from './generator.ts'
import { isRecord, textOf, toPage, toTable } from './page.ts'

interface Catalogue {
  source: string
  name: string
  title: string
  intro: string
}

const catalogues: readonly Catalogue[] = [
  {
    source: 'packages/core/src/errors.ts',
    name: 'refusals',
    title: 'Refusals of devices and applications',
    intro:
      'What a device’s connect, publish or subscribe is refused with. Each is recorded and answered by `/api/v1/refusals` with its `code`, its `step` (which check refused) and a sentence. The reason decides the words of the protocol: see [guarantees](../guarantees.md).',
  },
  {
    source: 'plugins/adapter-mqtt/src/errors.ts',
    name: 'mqttRefusals',
    title: 'Refusals of the MQTT adapter',
    intro: 'What the adapter refuses by itself; recorded like the ones above.',
  },
  {
    source: 'plugins/adapter-http/src/errors.ts',
    name: 'httpRefusals',
    title: 'Refusals of the HTTP adapter',
    intro: 'What the adapter refuses by itself; recorded like the ones above.',
  },
  {
    source: 'plugins/adapter-coap/src/errors.ts',
    name: 'coapRefusals',
    title: 'Refusals of the CoAP adapter',
    intro: 'What the adapter refuses by itself; recorded like the ones above.',
  },
  {
    source: 'plugins/adapter-websocket/src/errors.ts',
    name: 'webSocketRefusals',
    title: 'Refusals of the WebSocket adapter',
    intro: 'What the adapter refuses by itself; recorded like the ones above.',
  },
  {
    source: 'plugins/adapter-amqp/src/errors.ts',
    name: 'amqpRefusals',
    title: 'Refusals of the AMQP adapter',
    intro: 'What the adapter refuses by itself; recorded like the ones above.',
  },
  {
    source: 'plugins/adapter-grpc/src/errors.ts',
    name: 'grpcRefusals',
    title: 'Refusals of the gRPC adapter',
    intro: 'What the adapter refuses by itself; recorded like the ones above.',
  },
  {
    source: 'plugins/adapter-influx/src/errors.ts',
    name: 'influxRefusals',
    title: 'Refusals of the InfluxDB adapter',
    intro: 'What the adapter refuses by itself; recorded like the ones above.',
  },
  {
    source: 'plugins/gateway-mqtt/src/errors.ts',
    name: 'gatewayRefusals',
    title: 'Refusals of the MQTT gateway',
    intro: 'Connections that the gateway did not pass on; recorded like the ones above, by listener.',
  },
  {
    source: 'packages/server/src/front-door/refusal.ts',
    name: 'frontRefusals',
    title: 'Refusals of the front door',
    intro: 'Connections that ended before any protocol had a word for it; recorded like the ones above, by listener.',
  },
  {
    source: 'packages/server/src/stores/sqlite/errors.ts',
    name: 'storeErrors',
    title: 'The embedded stores',
    intro: 'What stands in the log, or ends the start, when a file cannot be used.',
  },
  {
    source: 'packages/server/src/backup/errors.ts',
    name: 'backupErrors',
    title: 'Backup and restore',
    intro: 'What the two commands end with, in a sentence that names the folder or file.',
  },
  {
    source: 'packages/server/src/copy/errors.ts',
    name: 'copyErrors',
    title: 'Copying between stores',
    intro: 'What the command ends with, or the start on a store that a copy was not finished into.',
  },
  {
    source: 'packages/core/src/errors.ts',
    name: 'domainErrors',
    title: 'REST: what was asked',
    intro: 'Answered by `/api/v1` as a problem body (RFC 9457) with this `code`.',
  },
  {
    source: 'packages/server/src/rest/errors.ts',
    name: 'restErrors',
    title: 'REST: how it was asked',
    intro: 'Login, rights, form and size of a request.',
  },
  {
    source: 'packages/server/src/live/errors.ts',
    name: 'liveErrors',
    title: 'The live WebSocket',
    intro: 'Answered by `/api/v1/live` in an `error` frame; see [live](../live.md).',
  },
  {
    source: 'plugins/gateway-mqtt/src/errors.ts',
    name: 'gatewayProblems',
    title: 'REST: the MQTT gateway',
    intro: 'Answered by `/api/v1/gateway` as a problem body; see [gateway](../gateway.md).',
  },
  {
    source: 'packages/plugin-host/src/errors.ts',
    name: '',
    title: 'Plugins',
    intro: 'Why a plugin cannot be loaded, configured, started or stopped; shown with its state.',
  },
]

interface Row {
  code: string
  entry: Record<string, unknown>
}

/** An entry is a record, or the sentence alone. */
const toEntry = (entry: unknown): Record<string, unknown> | undefined =>
  typeof entry === 'string' ? { text: entry } : isRecord(entry) ? entry : undefined

const isCatalogue = (value: unknown): value is Record<string, unknown> =>
  isRecord(value) &&
  Object.keys(value).length > 0 &&
  Object.entries(value).every(([code, entry]) => /^[A-Z][A-Z0-9_]+$/.test(code) && toEntry(entry) !== undefined)

/** The rows of the named catalogue, or of every catalogue that the module exports. */
async function readRows({ source, name }: Catalogue): Promise<Row[]> {
  const module = await load(source)
  const found = name === '' ? Object.values(module).filter(isCatalogue) : [module[name]].filter(isCatalogue)
  if (found.length === 0) throw new GenerateError(`${source} exports no catalogue ${name}`)
  return found.flatMap((catalogue) =>
    Object.entries(catalogue).map(([code, entry]) => ({ code, entry: toEntry(entry) ?? {} })),
  )
}

const columns = ['reason', 'step', 'status', 'state', 'family'] as const
const meaningOf = (entry: Record<string, unknown>) =>
  textOf(entry, 'text') || textOf(entry, 'title') || textOf(entry, 'message') || textOf(entry, 'detail')

/** docs/reference/errors.md, from the catalogues that the code throws by. */
export async function generateErrors(): Promise<Generated[]> {
  const parts: string[] = []
  for (const catalogue of catalogues) {
    const rows = await readRows(catalogue)
    const used = columns.filter((column) => rows.some(({ entry }) => textOf(entry, column) !== ''))
    const cells = rows.map(({ code, entry }) => [
      `\`${code}\``,
      ...used.map((column) => textOf(entry, column)),
      meaningOf(entry),
    ])
    parts.push(`## ${catalogue.title}`, catalogue.intro, toTable(['code', ...used, 'meaning'], cells))
  }
  const text = toPage(
    'Errors',
    'the catalogues of errors in packages/ and plugins/',
    'A code never changes its meaning and is never used again for something else, so scripts can rely on it. The sentence beside it may become better.',
    ...parts,
  )
  return [{ path: 'docs/reference/errors.md', text }]
}
