import { environment, load, place } from './place.mjs'

/** As the sinks show a record. */
const toJson = ({ device, at, values }) => JSON.stringify({ device, at: new Date(at / 1000).toISOString(), values })

export const kafka = {
  connect: async () => {
    const { Kafka, logLevel } = await load('kafkajs')
    return new Kafka({ brokers: environment('KAFKA_BROKERS').split(','), logLevel: logLevel.NOTHING })
  },
  async prepare() {
    const topic = place()
    const admin = (await kafka.connect()).admin()
    await admin.connect()
    await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true })
    await admin.disconnect()
    return { brokers: environment('KAFKA_BROKERS').split(','), topic }
  },
  async open({ topic }) {
    const producer = (await kafka.connect()).producer({ idempotent: true, maxInFlightRequests: 1 })
    await producer.connect()
    return {
      send: (records) =>
        producer.send({
          topic,
          acks: -1,
          messages: records.map((record) => ({
            key: record.device,
            value: toJson(record),
            headers: { 'content-type': 'application/json', id: record.id, type: record.type },
            timestamp: String(Math.floor(record.at / 1000)),
          })),
        }),
      close: () => producer.disconnect(),
    }
  },
  async remove({ topic }) {
    const admin = (await kafka.connect()).admin()
    await admin.connect()
    await admin.deleteTopics({ topics: [topic] })
    await admin.disconnect()
  },
}

export const amqp = {
  async prepare() {
    const { host, username, password } = new URL(environment('RABBITMQ_URL'))
    return { url: `amqp://${host}`, username, password, queue: place() }
  },
  async open({ queue }) {
    const { connect } = await load('amqplib')
    const connection = await connect(environment('RABBITMQ_URL'))
    const channel = await connection.createConfirmChannel()
    await channel.assertQueue(queue, { durable: true })
    return {
      async send(records) {
        for (const record of records)
          channel.publish('', queue, Buffer.from(toJson(record)), {
            mandatory: true,
            persistent: true,
            contentType: 'application/json',
            messageId: record.id,
            type: record.type,
            timestamp: Math.floor(record.at / 1_000_000),
            headers: { device: record.device },
          })
        await channel.waitForConfirms()
      },
      close: () => connection.close(),
    }
  },
  async remove({ queue }) {
    const { connect } = await load('amqplib')
    const connection = await connect(environment('RABBITMQ_URL'))
    const channel = await connection.createChannel()
    await channel.deleteQueue(queue)
    await connection.close()
  },
}

export const kinesis = {
  connect: async () => {
    const { KinesisClient } = await load('@aws-sdk/client-kinesis')
    const { NodeHttpHandler } = await load('@smithy/node-http-handler')
    return new KinesisClient({
      region: 'eu-central-1',
      endpoint: environment('AWS_ENDPOINT_URL'),
      credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
      // Its HTTP/2 fails on stand-ins.
      requestHandler: new NodeHttpHandler(),
    })
  },
  async prepare() {
    const { CreateStreamCommand } = await load('@aws-sdk/client-kinesis')
    const stream = place()
    await (await kinesis.connect()).send(new CreateStreamCommand({ StreamName: stream, ShardCount: 2 }))
    return {
      region: 'eu-central-1',
      stream,
      endpoint: environment('AWS_ENDPOINT_URL'),
      accessKeyId: 'any',
      secretAccessKey: 'any',
    }
  },
  async open({ stream }) {
    const { PutRecordsCommand } = await load('@aws-sdk/client-kinesis')
    const client = await kinesis.connect()
    return {
      async send(records) {
        for (let begin = 0; begin < records.length; begin += 500) {
          const Records = records
            .slice(begin, begin + 500)
            .map((record) => ({ Data: Buffer.from(toJson(record)), PartitionKey: record.device }))
          const { FailedRecordCount } = await client.send(new PutRecordsCommand({ StreamName: stream, Records }))
          if (FailedRecordCount) throw new Error(`${FailedRecordCount} records were not taken`)
        }
      },
      close: () => client.destroy(),
    }
  },
  async remove({ stream }) {
    const { DeleteStreamCommand } = await load('@aws-sdk/client-kinesis')
    await (await kinesis.connect()).send(new DeleteStreamCommand({ StreamName: stream }))
  },
}

export const pubsub = {
  connect: async () => {
    const { PubSub } = await load('@google-cloud/pubsub')
    return new PubSub({ projectId: 'bench' })
  },
  async prepare() {
    const topic = place()
    const client = await pubsub.connect()
    await client.createTopic(topic)
    await client.close()
    return { project: 'bench', topic, endpoint: `http://${environment('PUBSUB_EMULATOR_HOST')}` }
  },
  async open({ topic }) {
    const client = await pubsub.connect()
    const publisher = client.topic(topic, {
      messageOrdering: true,
      batching: { maxMessages: 1000, maxMilliseconds: 5 },
    })
    return {
      send: (records) =>
        Promise.all(
          records.map((record) =>
            publisher.publishMessage({
              data: Buffer.from(toJson(record)),
              orderingKey: record.device,
              attributes: { device: record.device, id: record.id, type: record.type },
            }),
          ),
        ),
      close: () => client.close(),
    }
  },
  async remove({ topic }) {
    const client = await pubsub.connect()
    await client.topic(topic).delete()
    await client.close()
  },
}
