import { hostServices } from '@patchbay/contracts/host-services'

/** Everything that `needs.services` may name. */
export const serviceNames = ['sessions', 'messages', 'devices', 'pre-shared-keys', ...hostServices] as const
export type ServiceName = (typeof serviceNames)[number]

/** Those of a plugin's services that it gets at host level only. */
export const hostServicesOf = ({ services = [] }: { services?: readonly string[] }): string[] =>
  services.filter((name) => hostServices.some((of) => of === name))
