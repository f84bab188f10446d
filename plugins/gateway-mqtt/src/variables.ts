/** What is known of a connection when its node is chosen. */
export interface Variables {
  remoteAddress: string
  remotePort: number
  serverAddress: string
  serverPort: number
  serverName: string | undefined
  clientId: Buffer | undefined
}

const readers: Record<string, (of: Variables) => string | Buffer | undefined> = {
  remote_addr: (of) => of.remoteAddress,
  remote_port: (of) => String(of.remotePort),
  server_addr: (of) => of.serverAddress,
  server_port: (of) => String(of.serverPort),
  server_name: (of) => of.serverName,
  mqtt_client_id: (of) => of.clientId,
}

/** The value of a variable by its name; undefined where it has none here. */
export const readVariable = (of: Variables, name: string): string | Buffer | undefined => {
  const value = Object.hasOwn(readers, name) ? readers[name]?.(of) : undefined
  return value?.length === 0 ? undefined : value
}

/** `$remote_addr$mqtt_client_id`: each name replaced by its value, a missing one by nothing. */
export const fillVariables = (of: Variables, text: string): string =>
  text.replace(/\$\{?([a-z_]+)\}?/g, (_, name: string) => String(readVariable(of, name) ?? ''))
