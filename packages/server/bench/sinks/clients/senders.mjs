// Each target by the client of its makers, or by the one that most use: `prepare` makes a place of its own and answers the sink's configuration for
// it, `open` a sender that brings one batch and resolves when it is acknowledged, `remove` takes the place away.
import { influxdb, mongodb, questdb, timescaledb } from './stores.mjs'
import { amqp, kafka, kinesis, pubsub } from './streams.mjs'

export const senders = { influxdb, questdb, timescaledb, mongodb, kafka, amqp, kinesis, pubsub }
