import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isInstalled } from '../harness/coap-client.ts'
import { runProgram } from './program.ts'
import { type Credentials, type Place, type Row, settled, toCommand } from './row.ts'

/** mosquitto_pub and mosquitto_sub: their words for the codes. */
const answers = {
  mqttv5: {
    connect: 'CONNACK 0x00',
    'wrong secret': 'Bad User Name or Password',
    revoked: 'Not authorized',
    'own topic': 'PUBACK 0x00',
    'foreign topic': 'PUBACK 0x87',
    // It keeps to the Maximum Packet Size of the CONNACK. [MQTT-3.2.2-15]
    'too large': 'not sent',
    'too deep': 'PUBACK 0x99',
    ...settled,
  },
  mqttv311: {
    connect: 'CONNACK 0x00',
    'wrong secret': 'bad user name or password',
    revoked: 'not authorised',
    'own topic': 'PUBACK 0x00',
    'foreign topic': 'closed',
    'too large': 'closed',
    'too deep': 'closed',
    ...settled,
  },
} as const

let files = 0

const row = (version: keyof typeof answers, secure: boolean): Row => {
  const tls = (caFile: string) => (secure ? ['--cafile', caFile] : [])
  const where = ({ port, caFile }: Place, { id, secret }: Credentials) =>
    ['-V', version, '-h', 'localhost', '-p', String(port), '-u', id, '-P', secret].concat(tls(caFile))
  const publish: Row['publish'] = async (place, login, { topic, payload }) => {
    const file = join(place.folder, `mosquitto-${files++}`)
    await writeFile(file, payload)
    const args = [...where(place, login), '-d', '-q', '1', '-t', topic, '-f', file]
    const { out, error } = await runProgram('timeout', ['3', 'mosquitto_pub', ...args])
    const code = /received PUBACK \(Mid: \d+, RC:(\d+)\)/.exec(out)?.[1]
    if (code !== undefined) return `PUBACK 0x${Number(code).toString(16).padStart(2, '0').toUpperCase()}`
    const refused = /(Bad User Name or Password|bad user name or password|Not authorized|not authorised)/.exec(error)
    if (refused?.[1]) return refused[1]
    if (out.includes('CONNACK (0)') && !out.includes('sending PUBLISH')) return 'not sent'
    return out.includes('CONNACK (0)') ? 'closed' : `${out}${error}`
  }
  return {
    protocol: version === 'mqttv5' ? 'MQTT 5' : 'MQTT 3.1.1',
    transport: secure ? 'TLS' : 'TCP',
    client: 'mosquitto',
    here: isInstalled('mosquitto_pub') && isInstalled('mosquitto_sub'),
    answers: answers[version],
    async connect(place, login, own) {
      const said = await publish(place, login, own)
      return said === 'PUBACK 0x00' ? 'CONNACK 0x00' : said
    },
    publish,
    async takeCommand(place, login) {
      const args = ['-q', '1', '-C', '1', '-W', '10', '-F', '%t %p', '-t', `devices/${login.id}/commands/+`]
      const { out } = await runProgram('mosquitto_sub', [...where(place, login), ...args])
      const [topic = '', ...rest] = out.trim().split(' ')
      return toCommand(topic, rest.join(' '))
    },
  }
}

export const mosquittoRows: Row[] = [
  row('mqttv311', false),
  row('mqttv311', true),
  row('mqttv5', false),
  row('mqttv5', true),
]
