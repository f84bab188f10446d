/** Services that exist at host level only: they hand out sockets, or answer at once, which cannot cross a boundary. */
export const hostServices = ['door', 'secrets', 'callers', 'audit', 'metrics'] as const

/** Everything that `needs.services` may name. */
export const serviceNames = ['sessions', 'messages', 'pre-shared-keys', ...hostServices] as const
export type ServiceName = (typeof serviceNames)[number]

/** Those of a plugin's services that it gets at host level only. */
export const hostServicesOf = ({ services = [] }: { services?: readonly string[] }): string[] =>
  services.filter((name) => hostServices.some((of) => of === name))
