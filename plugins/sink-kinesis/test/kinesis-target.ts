import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { openCut, type SinkTarget, type TargetPoint, toMicros, toPoints } from '@patchbay/testkit'

/** A service that speaks Kinesis and was started for the tests. */
export const kinesisUrl = process.env['AWS_ENDPOINT_URL']

const region = 'eu-central-1'

/** One call, not signed in earnest: who stands in for the service does not look. */
export async function callKinesis(operation: string, body: object, url = kinesisUrl ?? ''): Promise<any> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': `Kinesis_20131202.${operation}`,
      authorization: `AWS4-HMAC-SHA256 Credential=test/20250101/${region}/kinesis/aws4_request, SignedHeaders=host, Signature=0`,
    },
    body: JSON.stringify(body),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${operation}: ${answer.status} ${text}`)
  return text === '' ? undefined : JSON.parse(text)
}

/** What a shard holds, in order. */
async function readShard(stream: string, ShardId: string): Promise<{ Data: string; PartitionKey: string }[]> {
  const { ShardIterator: first } = await callKinesis('GetShardIterator', {
    StreamName: stream,
    ShardId,
    ShardIteratorType: 'TRIM_HORIZON',
  })
  const found = []
  for (let ShardIterator = first; ;) {
    const { Records, NextShardIterator } = await callKinesis('GetRecords', { ShardIterator, Limit: 10_000 })
    found.push(...Records)
    if (Records.length === 0) return found
    ShardIterator = NextShardIterator
  }
}

/** A stream of two shards of the test's own; another one after each wipe. */
export async function openKinesisTarget(more: Record<string, unknown> = {}): Promise<SinkTarget> {
  const outage = await openCut(kinesisUrl ?? 'http://nowhere')
  let stream = ''
  const remove = () => callKinesis('DeleteStream', { StreamName: stream })
  const make = async (): Promise<void> => {
    stream = `patchbay-${randomBytes(6).toString('hex')}`
    await callKinesis('CreateStream', { StreamName: stream, ShardCount: 2 })
    for (let status = ''; status !== 'ACTIVE';) {
      const { StreamDescriptionSummary } = await callKinesis('DescribeStreamSummary', { StreamName: stream })
      status = StreamDescriptionSummary.StreamStatus
    }
  }
  await make()
  return {
    config: () => ({
      region,
      stream,
      endpoint: outage.url,
      accessKeyId: 'test',
      secretAccessKey: 'a-secret-of-the-suite',
      ...more,
    }),
    async rows() {
      const { Shards } = await callKinesis('ListShards', { StreamName: stream })
      const rows: TargetPoint[] = []
      for (const { ShardId } of Shards)
        for (const { Data } of await readShard(stream, ShardId)) {
          const { device, at, values } = JSON.parse(Buffer.from(Data, 'base64').toString())
          rows.push(...toPoints([{ device, at: toMicros(at), values }]))
        }
      return rows
    },
    async wipe() {
      await remove()
      await make()
    },
    stop: outage.stop,
    start: outage.start,
    async close() {
      await remove()
      await outage.close()
    },
  }
}

/** Stands before the service and throttles: what `takes` says no to is answered as Kinesis does, the rest goes on. */
export async function openThrottle(takes: (key: string, call: number) => boolean) {
  let calls = 0
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part)
    const body = JSON.parse(Buffer.concat(parts).toString())
    const operation = String(request.headers['x-amz-target']).split('.')[1] ?? ''
    if (operation !== 'PutRecords') {
      response.end(JSON.stringify(await callKinesis(operation, body)))
      return
    }
    calls += 1
    const taken = body.Records.map(({ PartitionKey }: { PartitionKey: string }) => takes(PartitionKey, calls))
    const through = body.Records.filter((_: unknown, i: number) => taken[i])
    const said = through.length === 0 ? { Records: [] } : await callKinesis(operation, { ...body, Records: through })
    const Records = taken.map((is: boolean) =>
      is
        ? said.Records.shift()
        : { ErrorCode: 'ProvisionedThroughputExceededException', ErrorMessage: 'Rate exceeded for shard' },
    )
    response.end(JSON.stringify({ FailedRecordCount: taken.filter((is: boolean) => !is).length, Records }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: () => calls,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
