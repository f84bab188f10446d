import type { Documents } from './document.ts'
import type { ResourceName } from './schemas.ts'

interface Holder {
  upstream_id?: string | number | undefined
  upstream?: { tls?: { client_cert_id?: string | number | undefined } | undefined } | undefined
}

/** Who names an object; undefined = nobody. Routes count, too. */
export function findReference(documents: Documents, resource: ResourceName, id: string): string | undefined {
  const isIt = (named: string | number | undefined): boolean => named !== undefined && String(named) === id
  const names = (holder: Holder): boolean =>
    resource === 'upstreams'
      ? isIt(holder.upstream_id)
      : resource === 'ssls' && isIt(holder.upstream?.tls?.client_cert_id)
  for (const [other, route] of documents.stream_routes) {
    const split = route.plugins?.['traffic-split']?.rules.flatMap((rule) => rule.weighted_upstreams) ?? []
    if (names(route) || split.some(names) || (resource === 'services' && isIt(route.service_id)))
      return `stream route [${other}]`
  }
  for (const [other, service] of documents.services) if (names(service)) return `service [${other}]`
  if (resource === 'ssls')
    for (const [other, upstream] of documents.upstreams)
      if (isIt(upstream.tls?.client_cert_id)) return `upstream [${other}]`
  return undefined
}
