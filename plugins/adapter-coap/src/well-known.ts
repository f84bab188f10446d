/** What `/.well-known/core` lists (RFC 6690): the resources of the device that asks, else where to begin. */
export function toDirectory(device: string | undefined): string {
  if (device === undefined) return '</devices>;ct="50 60",</sensors>;ct="0 50"'
  // A device id needs no quoting in a URI: letters, digits and . _ : -
  const own = `/devices/${device}`
  return [
    `<${own}/telemetry>;ct="50 60"`,
    `<${own}/commands>;ct=50;obs`,
    `<${own}/shadow/desired>;ct=50;obs`,
    `<${own}/shadow/reported>;ct="50 60"`,
    `<${own}/heartbeat>`,
    `</sensors/${device}>;ct="0 50"`,
  ].join(',')
}
