import type { RestApp, GeneralDeps } from './route-deps.ts'

/** Counts answers by route pattern (never by path: ids would make a series each) and takes their time. */
export const measureRequests = (app: RestApp, { metrics }: GeneralDeps): void => {
  const seconds = metrics.histogram({
    name: 'patchbay_http_request_seconds',
    help: 'Time from the request to the last byte of its answer',
    labels: ['method', 'route', 'status'],
    buckets: [0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30],
  })
  app.addHook('onResponse', async (request, reply) => {
    const route = request.is404 ? 'unknown' : (request.routeOptions.url ?? 'unknown')
    const status = `${Math.floor(reply.statusCode / 100)}xx`
    seconds.observe(reply.elapsedTime / 1000, { method: request.method, route, status })
  })
}
