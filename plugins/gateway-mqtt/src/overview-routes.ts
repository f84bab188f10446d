import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { type AuditTrail, type Callers, toMetricText } from '@patchbay/sdk'
import { Value } from 'typebox/value'
import { listCertificates } from './certificates.ts'
import type { Drains } from './drains.ts'
import { type GatewayProblemCode, gatewayProblems } from './errors.ts'
import type { Gateway } from './gateway.ts'
import { listNodes, listRoutes, listSessions, toMetrics } from './overview.ts'
import {
  CertificatePage,
  DrainBody,
  Drained,
  NodePage,
  RoutePage,
  SessionId,
  SessionPage,
  SessionsQuery,
  Simulation,
} from './overview-schemas.ts'
import type { Ssl } from './schemas.ts'
import { findUpstream, simulate, SimulationBody } from './simulation.ts'

const pageSize = { normal: 50, most: 200 }
const base = '/api/v1/gateway'

/** What a route says of itself; it is checked by its handler, which answers with codes of its own. */
const about = (summary: string, operationId: string, more: object, permission?: string) => ({
  schema: { summary, operationId, ...more, ...(permission === undefined ? {} : { ['x-permission']: permission }) },
})

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
  drains: Drains,
): FastifyPluginAsync {
  return async (app) => {
    // Nothing is compiled for a description.
    app.setValidatorCompiler(() => () => true)
    app.setSerializerCompiler(() => (data) => JSON.stringify(data))
    app.addHook('onResponse', async (request, reply) => {
      const { method, params, body } = request
      // A simulation changes nothing.
      if (method === 'GET' || request.routeOptions.url === `${base}/simulate`) return
      audit.record(request.raw, {
        status: reply.statusCode,
        requestId: request.id,
        ...(Value.Check(SessionId, params) ? { target: `sessions/${params.id}` } : {}),
        ...(Value.Check(DrainBody, body) ? { target: `${body.upstream} ${body.node}`, changes: body } : {}),
      })
    })
    app.addHook('preHandler', async (request, reply) => {
      const { method, routeOptions } = request
      if (method === 'GET' || routeOptions.url === `${base}/simulate` || !audit.isFull()) return undefined
      return problem(reply, request, 'GATEWAY_AUDIT_FULL', 'Changes are refused until the audit trail is written')
    })
    const sessions = { querystring: SessionsQuery, response: { 200: SessionPage } }
    app.get(
      `${base}/sessions`,
      about('Open connections of the gateway', 'listGatewaySessions', sessions),
      async (request, reply) => {
        const { query } = request
        if (!Value.Check(SessionsQuery, query))
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
      },
    )
    const gone = { params: SessionId, response: { 204: { type: 'null', description: 'Ended' } } }
    app.delete(
      `${base}/sessions/:id`,
      about('Ends a connection', 'endGatewaySession', gone, 'plugins.write'),
      async (request, reply) => {
        if (!(await callers.may(request.raw, 'plugins.write')))
          return problem(reply, request, 'GATEWAY_FORBIDDEN', 'This needs the permission plugins.write')
        const { params } = request
        const session = Value.Check(SessionId, params) ? gateway.sessions.get(Number(params.id)) : undefined
        if (!session) return problem(reply, request, 'GATEWAY_SESSION_UNKNOWN', 'There is no such session')
        session.cut()
        return reply.code(204).send()
      },
    )
    app.get(
      `${base}/nodes`,
      about('Nodes of all upstreams, with their health', 'listGatewayNodes', { response: { 200: NodePage } }),
      async () => ({ items: listNodes(gateway), nextCursor: null }),
    )
    app.get(
      `${base}/routes`,
      about('What each route has passed on and refused', 'listGatewayRoutes', { response: { 200: RoutePage } }),
      async () => ({ items: listRoutes(gateway), nextCursor: null }),
    )
    app.get(
      `${base}/certificates`,
      about('Certificates (ssls), without their keys', 'listGatewayCertificates', {
        response: { 200: CertificatePage },
      }),
      async () => ({ items: listCertificates(ssls()), nextCursor: null }),
    )
    const drained = { body: DrainBody, response: { 200: Drained } }
    app.post(
      `${base}/drain`,
      about(
        'Ends so many sessions of a node each second, and gives it no new ones',
        'drainGatewayNode',
        drained,
        'plugins.write',
      ),
      async (request, reply) => {
        if (!(await callers.may(request.raw, 'plugins.write')))
          return problem(reply, request, 'GATEWAY_FORBIDDEN', 'This needs the permission plugins.write')
        const { body } = request
        if (!Value.Check(DrainBody, body))
          return problem(reply, request, 'GATEWAY_DRAIN', 'Send upstream, node and perSecond (0 to 10000; 0 ends it)')
        const found = await drains.set(gateway.configuration, body.upstream, body.node, body.perSecond)
        if (!found)
          return problem(reply, request, 'GATEWAY_NODE_UNKNOWN', `There is no node ${body.node} in ${body.upstream}`)
        return { node: found.name, draining: found.draining, active: found.active }
      },
    )
    const simulated = { body: SimulationBody, response: { 200: Simulation } }
    app.post(
      `${base}/simulate`,
      about('Where client ids are placed, and what other weights would move', 'simulateGateway', simulated),
      async (request, reply) => {
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
        if (!upstream)
          return problem(reply, request, 'GATEWAY_UPSTREAM_UNKNOWN', `There is no upstream ${body.upstream}`)
        const simulation = simulate(upstream, body, gateway.sessions.values())
        return typeof simulation === 'string' ? problem(reply, request, 'GATEWAY_SIMULATION', simulation) : simulation
      },
    )
    app.get('/apisix/prometheus/metrics', async (request, reply) => {
      if (!(await callers.may(request.raw, 'plugins.read')))
        return problem(reply, request, 'GATEWAY_FORBIDDEN', 'This needs a key with the permission plugins.read')
      return reply
        .header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
        .send(toMetricText(toMetrics(gateway)))
    })
  }
}
