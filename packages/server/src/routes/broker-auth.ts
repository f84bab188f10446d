import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { createBrokerJudge } from '../broker-auth/broker-judge.ts'
import type { BrokerKind, Parameters } from '../broker-auth/broker-question.ts'
import { readEmqx, writeEmqx } from '../broker-auth/emqx.ts'
import { readMosquitto, writeMosquitto } from '../broker-auth/mosquitto.ts'
import { readRabbitMq, writeRabbitMq } from '../broker-auth/rabbitmq.ts'
import { callerOf } from '../rest/caller.ts'
import type { RestApp, Routes } from '../rest/route-deps.ts'

/** Outside /api: the address that brokers are configured with. */
export const brokerAuthPrefix = '/v1/broker-auth'
const brokerRefused = 'The broker showed no API key that is good, or one whose role lacks brokers.ask.'
const maxBodyBytes = 16 * 1024

const formType = 'application/x-www-form-urlencoded'
const config = { permission: 'brokers.ask', unaudited: true, keyByBasic: true } as const
const tail = Type.Object({ what: Type.Optional(Type.String({ maxLength: 16 })) })

/** Query first, then body: what the address says itself cannot be taken back by what is asked. */
const toParameters = (query: unknown, body: unknown): Parameters => {
  const entries = [body, query].flatMap((of): [string, unknown][] =>
    of instanceof URLSearchParams ? [...of] : typeof of === 'object' && of !== null ? Object.entries(of) : [],
  )
  return new Map(
    entries.flatMap(([name, value]): [string, string][] =>
      typeof value === 'string' ? [[name, value]] : typeof value === 'number' ? [[name, String(value)]] : [],
    ),
  )
}

/** Brokers beside the platform ask here; they show an API key that may. */
export const brokerAuthRoutes: Routes = (app, deps) => {
  const { authenticator, authoriser, accessRules: rules, people, refusals, clock, log } = deps
  const failed = (err: unknown) => log.error({ err }, 'a question of a broker could not be answered')
  const judge = createBrokerJudge({
    authenticator,
    authoriser,
    rules,
    apiKeys: people.apiKeys,
    refusals,
    clock,
    failed,
  })
  const brokerOf = (kind: BrokerKind, request: FastifyRequest) => ({
    kind,
    key: callerOf(request).actor,
    address: request.peer.address,
  })

  void app.register(async (scope: RestApp) => {
    scope.addContentTypeParser(formType, { parseAs: 'string', bodyLimit: maxBodyBytes }, (_request, body, done) =>
      done(null, new URLSearchParams(String(body))),
    )
    // A broker that is not let in denies all its clients, and says little of why: here an admin finds it.
    scope.addHook('onResponse', async (request, reply) => {
      const code = request.problemCode
      if (code === undefined || (reply.statusCode !== 401 && reply.statusCode !== 403)) return
      const protocol = request.url.slice(brokerAuthPrefix.length + 1).split(/[/?]/, 1)[0] ?? 'broker'
      const { address } = request.peer
      refusals.record({ protocol, address, action: 'connect', step: 'api-key', code, detail: brokerRefused })
    })
    const options = { config, bodyLimit: maxBodyBytes, schema: { params: tail } }
    for (const url of [`${brokerAuthPrefix}/emqx`, `${brokerAuthPrefix}/emqx/:what`]) {
      scope.post(url, options, async (request) => {
        const question = readEmqx(toParameters(undefined, request.body))
        return writeEmqx(await judge.answer(brokerOf('emqx', request), question))
      })
    }
    for (const url of [`${brokerAuthPrefix}/rabbitmq`, `${brokerAuthPrefix}/rabbitmq/:what`]) {
      // GET is what the plugin does when nothing is configured.
      scope.route({
        method: ['GET', 'POST'],
        url,
        ...options,
        async handler(request, reply) {
          const question = readRabbitMq(request.params.what, toParameters(request.query, request.body))
          const answer = await judge.answer(brokerOf('rabbitmq', request), question)
          return reply.type('text/plain; charset=utf-8').send(writeRabbitMq(answer))
        },
      })
    }
    for (const url of [`${brokerAuthPrefix}/mosquitto`, `${brokerAuthPrefix}/mosquitto/:what`]) {
      scope.post(url, options, async (request, reply) => {
        const broker = brokerOf('mosquitto', request)
        let answer = { allowed: false, detail: '' }
        for (const question of readMosquitto(toParameters(undefined, request.body))) {
          answer = await judge.answer(broker, question)
          if (!answer.allowed) break
        }
        const { status, body } = writeMosquitto(answer)
        return reply.code(status).send(body)
      })
    }
  })
}
