import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { type AuditTrail, type Callers, toMetricText } from '@patchbay/sdk'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import { listCertificates } from './certificates.ts'
import { type GatewayProblemCode, gatewayProblems } from './errors.ts'
import type { Gateway } from './gateway.ts'
import { listNodes, listRoutes, listSessions, toMetrics } from './overview.ts'
import type { Ssl } from './schemas.ts'
import { findUpstream, simulate, SimulationBody } from './simulation.ts'

const pageSize = { normal: 50, most: 200 }
const base = '/api/v1/gateway'

const Query = Type.Object({
  limit: Type.Optional(Type.String({ pattern: '^[0-9]{1,3}$' })),
  cursor: Type.Optional(Type.String({ pattern: '^[0-9]{1,15}$' })),
  clientId: Type.Optional(Type.String({ maxLength: 65_535 })),
  node: Type.Optional(Type.String({ maxLength: 300 })),
  route: Type.Optional(Type.String({ maxLength: 64 })),
  search: Type.Optional(Type.String({ maxLength: 256 })),
})
const DrainBody = Type.Object(
  {
    upstream: Type.String({ minLength: 1, maxLength: 128 }),
    node: Type.String({ minLength: 1, maxLength: 300 }),
    perSecond: Type.Integer({ minimum: 0, maximum: 10_000 }),
  },
  { additionalProperties: false },
)
const Id = Type.Object({ id: Type.String({ pattern: '^[0-9]{1,15}$' }) })

const problem = (
  reply: FastifyReply,
  request: FastifyRequest,
  code: GatewayProblemCode,
  detail: string,
): FastifyReply => {
  const { status, title } = gatewayProblems[code]
  const body = { type: `/docs/reference/errors#${code}`, title, status, detail, code, requestId: request.id }
  return reply.code(status).header('content-type', 'application/problem+json; charset=utf-8').send(JSON.stringify(body))
}

/** `/api/v1/gateway`: live sessions, nodes, placement. The session check is the platform's. */
export function createOverviewRoutes(
  gateway: Gateway,
  callers: Callers,
  audit: AuditTrail,
  ssls: () => ReadonlyMap<string, Ssl>,
): FastifyPluginAsync {
  return async (app) => {
    app.addHook('onResponse', async (request, reply) => {
      const { method, params, body } = request
      // A simulation changes nothing.
      if (method === 'GET' || request.routeOptions.url === `${base}/simulate`) return
      audit.record(request.raw, {
        status: reply.statusCode,
        requestId: request.id,
        ...(Value.Check(Id, params) ? { target: `sessions/${params.id}` } : {}),
        ...(Value.Check(DrainBody, body) ? { target: `${body.upstream} ${body.node}`, changes: body } : {}),
      })
    })
    app.addHook('preHandler', async (request, reply) => {
      const { method, routeOptions } = request
      if (method === 'GET' || routeOptions.url === `${base}/simulate` || !audit.isFull()) return undefined
      return problem(reply, request, 'GATEWAY_AUDIT_FULL', 'Changes are refused until the audit trail is written')
    })
    app.get(`${base}/sessions`, async (request, reply) => {
      const { query } = request
      if (!Value.Check(Query, query))
        return problem(reply, request, 'GATEWAY_QUERY', 'limit is up to 200, cursor what the page before answered')
      const { limit, cursor, clientId, node, route, search } = query
      return listSessions(gateway, {
        limit: Math.min(Math.max(Number(limit ?? pageSize.normal), 1), pageSize.most),
        cursor: Number(cursor ?? 0),
        ...(clientId === undefined ? {} : { clientId }),
        ...(node === undefined ? {} : { node }),
        ...(route === undefined ? {} : { route }),
        ...(search === undefined ? {} : { search }),
      })
    })
    app.delete(`${base}/sessions/:id`, async (request, reply) => {
      if (!(await callers.may(request.raw, 'plugins.write')))
        return problem(reply, request, 'GATEWAY_FORBIDDEN', 'This needs the permission plugins.write')
      const { params } = request
      const session = Value.Check(Id, params) ? gateway.sessions.get(Number(params.id)) : undefined
      if (!session) return problem(reply, request, 'GATEWAY_SESSION_UNKNOWN', 'There is no such session')
      session.cut()
      return reply.code(204).send()
    })
    app.get(`${base}/nodes`, async () => ({ items: listNodes(gateway), nextCursor: null }))
    app.get(`${base}/routes`, async () => ({ items: listRoutes(gateway), nextCursor: null }))
    app.get(`${base}/certificates`, async () => ({ items: listCertificates(ssls()), nextCursor: null }))
    app.post(`${base}/drain`, async (request, reply) => {
      if (!(await callers.may(request.raw, 'plugins.write')))
        return problem(reply, request, 'GATEWAY_FORBIDDEN', 'This needs the permission plugins.write')
      const { body } = request
      if (!Value.Check(DrainBody, body))
        return problem(reply, request, 'GATEWAY_DRAIN', 'Send upstream, node and perSecond (0 to 10000; 0 ends it)')
      const found = findUpstream(gateway.configuration, body.upstream)?.nodes.find(({ name }) => name === body.node)
      if (!found)
        return problem(reply, request, 'GATEWAY_NODE_UNKNOWN', `There is no node ${body.node} in ${body.upstream}`)
      found.draining = body.perSecond
      return { node: found.name, draining: found.draining, active: found.active }
    })
    app.post(`${base}/simulate`, async (request, reply) => {
      const { body } = request
      if (!Value.Check(SimulationBody, body)) {
        const [first] = Value.Errors(SimulationBody, body)
        return problem(
          reply,
          request,
          'GATEWAY_SIMULATION',
          `${first?.instancePath ?? ''} ${first?.message ?? 'is wrong'}`.trim(),
        )
      }
      const upstream = findUpstream(gateway.configuration, body.upstream)
      if (!upstream) return problem(reply, request, 'GATEWAY_UPSTREAM_UNKNOWN', `There is no upstream ${body.upstream}`)
      const simulation = simulate(upstream, body, gateway.sessions.values())
      return typeof simulation === 'string' ? problem(reply, request, 'GATEWAY_SIMULATION', simulation) : simulation
    })
    app.get('/apisix/prometheus/metrics', async (request, reply) => {
      if (!(await callers.may(request.raw, 'plugins.read')))
        return problem(reply, request, 'GATEWAY_FORBIDDEN', 'This needs a key with the permission plugins.read')
      return reply
        .header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
        .send(toMetricText(toMetrics(gateway)))
    })
  }
}
