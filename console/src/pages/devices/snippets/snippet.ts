/** Where a device finds the platform. */
export interface Place {
  host: string
  port: string
  tls: boolean
  /** The authority's certificate, for programs that hold it in their text. */
  authority?: string
}
export interface Login {
  id: string
  secret: string
}
export type Language = 'shell' | 'node' | 'python' | 'arduino'

/** A whole program that sends a first reading. */
export interface Snippet {
  protocol: 'MQTT' | 'HTTP' | 'WebSocket' | 'CoAP' | 'AMQP' | 'gRPC'
  language: Language
  text: string
}

/** As the console offers it for download; programs look for it beside themselves. */
export const caFile = 'patchbay-ca.pem'
/** Apart from the rest of its line, which is no import of this file. */
export const take = 'import'
/** An IPv6 address stands in brackets where a port follows it. */
export const inUrl = ({ host, port }: Place): string => `${host.includes(':') ? `[${host}]` : host}:${port}`

/** The certificate as a constant of C++. */
export const asConstant = (authority: string | undefined): string => {
  const text = authority?.trim() ?? `-----BEGIN CERTIFICATE-----\n… the text of ${caFile}\n-----END CERTIFICATE-----`
  return `static const char CA[] = R"(${text})";\n`
}
