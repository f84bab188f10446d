import { caFile, inUrl, type Login, type Place, type Snippet, take } from './snippet.ts'

export const amqpSnippets = (place: Place, { id, secret }: Login): Snippet[] => {
  const { host, port, tls } = place
  const isAddress = /^[\d.]+$|:/.test(host)
  const byAddress = isAddress
    ? 'tls.set_peer_authentication(SSLDomain.VERIFY_PEER)  # Proton compares names with a certificate, not addresses\n'
    : ''
  return [
    {
      protocol: 'AMQP',
      language: 'node',
      text: `// npm install rhea
${tls ? `import { readFileSync } from 'node:fs'\n` : ''}${take} rhea from 'rhea'

const connection = rhea.connect({
  host: '${host}',
  port: ${port},
  username: '${id}',
  password: '${secret}',
  reconnect: false,${tls ? `\n  transport: 'tls',\n  ca: readFileSync('${caFile}'),` : ''}
})
const sender = connection.open_sender('devices/${id}/telemetry')
sender.once('sendable', () => sender.send({ body: '{"temperature": 21.5}' }))
sender.on('accepted', () => connection.close()) // stored
sender.on('rejected', ({ delivery }) => {
  console.log(delivery.remote_state.error)
  connection.close()
})`,
    },
    {
      protocol: 'AMQP',
      language: 'python',
      text: `# pip install python-qpid-proton
from proton import Message${tls ? ', SSLDomain' : ''}
from proton.utils import BlockingConnection

${tls ? `tls = SSLDomain(SSLDomain.MODE_CLIENT)\ntls.set_trusted_ca_db("${caFile}")\n${byAddress}` : ''}connection = BlockingConnection("${tls ? 'amqps' : 'amqp'}://${inUrl(place)}", user="${id}",
    password="${secret}", allowed_mechs="PLAIN"${tls ? ', ssl_domain=tls' : ''})
connection.create_sender("devices/${id}/telemetry").send(Message(body='{"temperature": 21.5}'))
connection.close()`,
    },
  ]
}
