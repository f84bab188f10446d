import { field } from '@patchbay/sdk'

const port = { minimum: 0, maximum: 65_535 }

/** The fields of the gateway's configuration; config.schema.json is made of them. */
export const config = {
  listeners: field.table(
    {
      port: field.integer({ title: 'Port', description: '0 turns it off', default: 0, ...port }),
      address: field.text({
        title: 'Address',
        description: 'Empty: that of PATCHBAY_HOST',
        default: '',
        maxLength: 64,
      }),
      tls: field.toggle({ title: 'TLS', description: 'TLS ends here, with the certificates of ssls' }),
      proxyProtocol: field.toggle({
        title: 'PROXY protocol',
        description:
          'Every connection begins with a header that says who the client is; taken from PATCHBAY_TRUSTED_PROXIES only',
      }),
    },
    { title: 'Listeners', description: 'Ports beside those of config.yaml', maxItems: 50 },
  ),
  folder: field.text({
    title: 'Standalone folder',
    description: 'Holds config.yaml (listeners) and apisix.yaml (routes); what it holds is read-only elsewhere',
    setting: 'PATCHBAY_GATEWAY',
    default: '',
  }),
  fallbackName: field.text({
    title: 'Server name of clients that send none',
    description: 'Chooses the certificate for TLS clients without server name indication; empty: they are refused',
    default: '',
    maxLength: 253,
  }),
  maxConnections: field.integer({ title: 'Connections', default: 50_000, minimum: 1, maximum: 1_000_000 }),
}
