/** Services that exist at host level only: they hand out sockets, or answer at once, which cannot cross a boundary. */
export const hostServices = ['door', 'secrets', 'callers', 'audit', 'metrics', 'telemetry', 'shared'] as const
