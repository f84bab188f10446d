import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

/** Debian's `rabbitmq-server` of the PATH changes its user; the program that it runs then does not. */
const places = [process.env['RABBITMQ_SERVER'], '/usr/lib/rabbitmq/bin/rabbitmq-server']
const onPath = () => (spawnSync('which', ['rabbitmq-server']).status === 0 ? 'rabbitmq-server' : undefined)
const program = places.find((place) => place !== undefined && existsSync(place)) ?? onPath()

/** Why suites on a real RabbitMQ are left out; undefined = they run. */
export const noRabbitMq: string | undefined =
  program === undefined ? 'skipped, no rabbitmq-server on the PATH and no RABBITMQ_SERVER' : undefined

const startLimitMs = 90_000

export interface RabbitMqServer {
  readonly mqttPort: number
  readonly amqpPort: number
  /** What it wrote while it ran. */
  log(): string
  stop(): Promise<void>
}

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (typeof address !== 'object' || address === null) throw new Error('no port')
  return address.port
}

const isOpen = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const end = (open: boolean) => {
      socket.destroy()
      resolve(open)
    }
    socket.once('connect', () => end(true)).once('error', () => end(false))
  })

/** Erlang's port mapper made itself a daemon, in a group of its own; over its protocol it ends once no node is left with it. */
const killEpmd = async (port: number): Promise<void> => {
  const isKilled = () =>
    new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(Buffer.from([0, 1, 0x6b])))
      socket.once('data', (answer) => resolve(answer.toString() === 'OK'))
      socket.once('error', () => resolve(true)).once('close', () => resolve(false))
    })
  for (let tries = 0; tries < 50 && !(await isKilled()); tries++) await wait(100)
}

/** A RabbitMQ of the test's own with its MQTT plugin and these lines of configuration. */
export const startRabbitMq = async (lines: readonly string[], plugins: readonly string[]): Promise<RabbitMqServer> => {
  const folder = await mkdtemp(join(tmpdir(), 'patchbay-rabbitmq-'))
  const [amqpPort, mqttPort, distPort, epmdPort] = await Promise.all([freePort(), freePort(), freePort(), freePort()])
  const ports = [`listeners.tcp.1 = 127.0.0.1:${amqpPort}`, `mqtt.listeners.tcp.1 = 127.0.0.1:${mqttPort}`]
  await writeFile(join(folder, 'rabbitmq.conf'), `${[...ports, 'log.console = true', ...lines].join('\n')}\n`)
  await writeFile(join(folder, 'enabled_plugins'), `[${['rabbitmq_mqtt', ...plugins].join(',')}].\n`)
  const child: ChildProcess = spawn(program ?? 'rabbitmq-server', [], {
    // A group of its own: the program is a script, and what it starts must end with it.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      LANG: 'C.UTF-8',
      HOME: folder,
      RABBITMQ_NODENAME: `r${amqpPort}@localhost`,
      RABBITMQ_DIST_PORT: String(distPort),
      ERL_EPMD_PORT: String(epmdPort),
      RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
      RABBITMQ_MNESIA_BASE: join(folder, 'db'),
      RABBITMQ_LOG_BASE: join(folder, 'log'),
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+S 1:1',
    },
  })
  let text = ''
  child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()))
  child.stderr?.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
      process.kill(-child.pid, 'SIGKILL')
      await once(child, 'exit')
    }
    await killEpmd(epmdPort)
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  const untilMs = performance.now() + startLimitMs
  while (!(await isOpen(mqttPort))) {
    if (child.exitCode !== null || performance.now() > untilMs) {
      await stop()
      throw new Error(`RabbitMQ did not start:\n${text.slice(-4000)}`)
    }
    await wait(200)
  }
  return { amqpPort, mqttPort, log: () => text, stop }
}
