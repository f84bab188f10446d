import { connectWebSocket, type WebSocketClient } from '../harness/websocket-client.ts'
import { type Credentials, type Place, type Row, settled, toCommand } from './row.ts'

const row = (scheme: 'ws' | 'wss'): Row => {
  const enter = ({ port, ca }: Place, { id, secret }: Credentials): Promise<WebSocketClient | string> =>
    connectWebSocket(port, { scheme, auth: `${id}:${secret}`, ca }).catch((error: Error) =>
      error.message.replace('Unexpected server response: ', ''),
    )
  return {
    protocol: 'WebSocket',
    transport: scheme === 'wss' ? 'TLS' : 'TCP',
    client: 'ours',
    here: true,
    answers: {
      connect: '101',
      'wrong secret': '401',
      revoked: '403',
      'own topic': 'ack',
      'foreign topic': 'TOPIC_FORBIDDEN',
      'too large': 'closed 1009',
      'too deep': 'PAYLOAD_INVALID',
      ...settled,
    },
    async connect(place, login) {
      const client = await enter(place, login)
      if (typeof client === 'string') return client
      await client.close()
      return '101'
    },
    async publish(place, login, { topic, payload }) {
      const client = await enter(place, login)
      if (typeof client === 'string') return client
      client.socket.send(`{"id":1,"publish":${JSON.stringify(topic)},"payload":${payload}}`)
      const said = await Promise.race([
        client.next((frame) => frame['ack'] === 1).then(() => 'ack'),
        client.next((frame) => frame['error'] === 1).then((frame) => String(frame['code'])),
        client.closed.then((code) => `closed ${code}`),
      ]).catch(async () => `closed ${await client.closed}`)
      await client.close()
      return said
    },
    async takeCommand(place, login) {
      const client = await enter(place, login)
      if (typeof client === 'string') throw new Error(client)
      await client.ask({ subscribe: `devices/${login.id}/commands/+` })
      const frame = await client.next((each) => 'message' in each)
      client.send({ ack: frame['mid'] })
      await client.close()
      return toCommand(String(frame['message']), JSON.stringify(frame['payload']))
    },
  }
}

export const webSocketRows: Row[] = [row('ws'), row('wss')]
