import { once } from 'node:events'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { EventContext } from 'rhea'
import { closeAmqp, connectAmqp, openAmqpSender, sendAmqp } from '../harness/amqp-client.ts'
import { hasProton, runPython } from '../harness/proton.ts'
import { type Credentials, type Place, type Row, settled, toCommand } from './row.ts'

const answers = {
  connect: 'open',
  'wrong secret': 'SASL auth',
  revoked: 'SASL auth',
  'own topic': 'accepted',
  'foreign topic': 'amqp:unauthorized-access',
  'too large': 'amqp:link:message-size-exceeded',
  'too deep': 'amqp:decode-error',
  ...settled,
} as const

const rheaRow = (secure: boolean): Row => {
  const enter = ({ port, ca }: Place, { id, secret }: Credentials) =>
    connectAmqp(port, { username: id, password: secret, transport: secure ? 'tls' : 'tcp', ca })
  const toSasl = (error: Error): string => (/authenticate: 1/.test(error.message) ? 'SASL auth' : error.message)
  return {
    protocol: 'AMQP 1.0',
    transport: secure ? 'TLS' : 'TCP',
    client: 'rhea',
    here: true,
    answers,
    connect: (place, login) =>
      enter(place, login).then(async (connection) => {
        await closeAmqp(connection)
        return 'open'
      }, toSasl),
    async publish(place, login, { topic, payload }) {
      const connection = await enter(place, login)
      const said = await sendAmqp(await openAmqpSender(connection, topic), payload)
      await closeAmqp(connection)
      return said
    },
    async takeCommand(place, login) {
      const connection = await enter(place, login)
      const receiver = connection.open_receiver(`devices/${login.id}/commands/+`)
      const [{ message }] = (await once(receiver, 'message')) as [EventContext]
      await closeAmqp(connection)
      return toCommand(message?.to ?? '', message?.body.content.toString())
    },
  }
}

const script = `
import json, sys
from proton import Delivery, Message, SSLDomain, ConnectionException
from proton.utils import BlockingConnection, LinkDetached, SendException

url, ca, user, secret, job, address = sys.argv[1:7]
tls = None
if url.startswith('amqps'):
    tls = SSLDomain(SSLDomain.MODE_CLIENT)
    tls.set_trusted_ca_db(ca)
    tls.set_peer_authentication(SSLDomain.VERIFY_PEER_NAME)
try:
    connection = BlockingConnection(url, user=user, password=secret, allowed_mechs='PLAIN', ssl_domain=tls, timeout=10)
except ConnectionException as error:
    print('SASL auth' if 'auth' in str(error).lower() else str(error))
    sys.exit()
if job == 'connect':
    print('open')
elif job == 'publish':
    payload = open(sys.argv[7]).read()
    delivery = connection.create_sender(address).link.send(Message(body=payload))
    connection.wait(lambda: delivery.remote_state)
    state = delivery.remote_state
    print('accepted' if state == Delivery.ACCEPTED else delivery.remote.condition.name)
else:
    receiver = connection.create_receiver(address)
    command = receiver.receive(timeout=10)
    receiver.accept()
    print(command.address, bytes(command.body).decode())
connection.close()
`

const protonRow = (secure: boolean): Row => {
  const run = async (place: Place, login: Credentials, job: string, address: string, payload = '') => {
    const folder = await mkdtemp(join(place.folder, 'proton-'))
    await writeFile(join(folder, 'payload'), payload)
    const url = `${secure ? 'amqps' : 'amqp'}://localhost:${place.port}`
    const args = [url, place.caFile, login.id, login.secret, job, address, join(folder, 'payload')]
    return (await runPython(script, { folder, args })).trim()
  }
  return {
    protocol: 'AMQP 1.0',
    transport: secure ? 'TLS' : 'TCP',
    client: 'Qpid Proton',
    here: hasProton,
    answers,
    connect: (place, login) => run(place, login, 'connect', ''),
    publish: (place, login, { topic, payload }) => run(place, login, 'publish', topic, payload),
    async takeCommand(place, login) {
      const [topic = '', ...rest] = (await run(place, login, 'take', `devices/${login.id}/commands/+`)).split(' ')
      return toCommand(topic, rest.join(' '))
    },
  }
}

export const amqpRows: Row[] = [rheaRow(false), rheaRow(true), protonRow(false), protonRow(true)]
