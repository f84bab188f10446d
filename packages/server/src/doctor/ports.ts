import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Settings } from '../settings/settings.ts'
import { type Check, codeOf, fail, type Finding, ok, reasonOf, warn } from './finding.ts'

const answerMs = 2000

const portsOf = (settings: Settings): { name: string; port: number; udp?: true }[] => [
  { name: 'PATCHBAY_PORT', port: settings.port },
  { name: 'PATCHBAY_PORT', port: settings.port, udp: true },
  { name: 'PATCHBAY_MQTT_PORT', port: settings.mqttPort },
  { name: 'PATCHBAY_MQTTS_PORT', port: settings.mqttsPort },
  { name: 'PATCHBAY_AMQP_PORT', port: settings.amqpPort },
  { name: 'PATCHBAY_GRPC_PORT', port: settings.grpcPort },
  { name: 'PATCHBAY_COAP_PORT', port: settings.coapPort, udp: true },
  { name: 'PATCHBAY_COAPS_PORT', port: settings.coapsPort, udp: true },
]

async function tryListen(port: number, host: string, udp: boolean): Promise<void> {
  if (udp) {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
    try {
      socket.bind(port, host)
      await once(socket, 'listening')
    } finally {
      socket.close()
    }
    return
  }
  const server = createServer()
  try {
    server.listen(port, host)
    await once(server, 'listening')
  } finally {
    server.close()
  }
}

/** Where whoever listens on this machine is reached. */
export const ownUrl = ({ host, port }: Pick<Settings, 'host' | 'port'>): string => {
  const name = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`
}

/** Whether a Patchbay answers there, and what it says of itself. */
export async function askReady(settings: Settings): Promise<{ ready: boolean; reasons: string[] } | undefined> {
  if (settings.port === 0) return undefined
  try {
    const response = await fetch(`${ownUrl(settings)}/readyz`, {
      signal: AbortSignal.timeout(answerMs),
      redirect: 'error',
    })
    const body: unknown = await response.json()
    if (typeof body !== 'object' || body === null || !('ready' in body) || !('reasons' in body)) return undefined
    return { ready: body.ready === true, reasons: Array.isArray(body.reasons) ? body.reasons.map(String) : [] }
  } catch {
    // Nobody there, or nobody that speaks like this: the caller says so.
    return undefined
  }
}

export const checkPorts: Check = async ({ settings }) => {
  const running = await askReady(settings)
  const findings: Finding[] = []
  if (running?.ready) findings.push(ok('running', `a Patchbay answers at ${ownUrl(settings)} and is ready`))
  else if (running)
    findings.push(
      fail(
        'running',
        `the Patchbay at ${ownUrl(settings)} is not ready: ${running.reasons.join('; ')}`,
        'See its log.',
      ),
    )
  for (const { name, port, udp } of portsOf(settings)) {
    if (port === 0) continue
    const what = `${name} ${port}${udp ? ' over UDP' : ''}`
    try {
      await tryListen(port, settings.host, udp === true)
      findings.push(ok('port', `${what} is free`))
    } catch (error) {
      const code = codeOf(error)
      if (code === 'EADDRINUSE' && running) findings.push(ok('port', `${what} is in use while Patchbay runs`))
      else if (code === 'EADDRINUSE') {
        const say = name === 'PATCHBAY_PORT' && !udp ? fail : warn
        findings.push(
          say('port', `${what} is taken by another program`, `Stop that program, or set ${name} to another port.`),
        )
      } else if (code === 'EACCES')
        findings.push(fail('port', `${what} may not be opened by this user`, 'Take one from 1024 on.'))
      else findings.push(fail('port', `${what} cannot be opened: ${reasonOf(error)}`, 'Mend PATCHBAY_HOST.'))
    }
  }
  return findings
}
