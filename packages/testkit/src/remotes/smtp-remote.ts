import { createServer, type Socket } from 'node:net'
import { createServer as createTlsServer, TLSSocket } from 'node:tls'
import { portOf } from './port-of.ts'
import type { Remote, RemoteMood } from './remote.ts'

/** A mail as it arrived: the envelope, and headers and body as they were sent, dots undone. */
export interface ReceivedMail {
  from: string
  to: string[]
  source: string
  encrypted: boolean
  /** The user who had logged in. */
  user?: string
}

export interface SmtpRemote extends Remote {
  readonly mails: readonly ReceivedMail[]
  /** Command lines of all connections. */
  readonly lines: readonly string[]
}

export interface SmtpRemoteOptions {
  /** A certificate makes it offer STARTTLS, or speak TLS from the first byte. */
  tls?: { cert: string; key: string; mode: 'starttls' | 'implicit' }
  /** Demands a login by AUTH PLAIN or LOGIN. */
  login?: { user: string; password: string }
  /** Recipients that it does not know, whatever its mood. */
  unknown?: readonly string[]
}

const words = {
  accept: '2.0.0 queued as 17',
  refuse: '5.1.1 nobody lives here',
  busy: '4.7.0 one at a time',
  fail: '4.3.0 the gears are stuck',
}

const addressIn = (line: string): string => /<([^>]*)>/.exec(line)?.[1] ?? ''
const decode = (text: string | undefined): string => Buffer.from(text ?? '', 'base64').toString()

/** A small SMTP server (RFC 5321, STARTTLS, AUTH) that takes mails as it is told to. */
export async function createSmtpRemote(options: SmtpRemoteOptions = {}): Promise<SmtpRemote> {
  const { tls, login } = options
  const mails: ReceivedMail[] = []
  const lines: string[] = []
  const sockets = new Set<Socket>()
  let mood: RemoteMood = 'accept'
  let calls = 0

  const talk = (socket: Socket, encrypted: boolean, greet: boolean): void => {
    let rest = ''
    let state: 'command' | 'data' | 'user' | 'password' = 'command'
    let mail: ReceivedMail = { from: '', to: [], source: '', encrypted }
    let user: string | undefined
    let claimed = ''
    const say = (line: string): void => void socket.write(`${line}\r\n`)
    const logIn = (name: string, password: string): void => {
      state = 'command'
      if (name === login?.user && password === login.password) {
        user = name
        say('235 2.7.0 welcome')
      } else say('535 5.7.8 wrong user or password')
    }
    const settle = (): void => {
      if (mood === 'refuse') return say(`550 ${words.refuse}`)
      if (mood === 'busy') return say(`451 ${words.busy}`)
      if (mood === 'fail') return say(`451 ${words.fail}`)
      if (mood === 'echo')
        return say(`451 4.3.0 ${lines.join(' ').slice(-400)} ${mail.source.slice(0, 400).replaceAll(/\s+/g, ' ')}`)
      mails.push({ ...mail, ...(user === undefined ? {} : { user }) })
      say(`250 ${words.accept}`)
    }
    const command = (line: string): void => {
      lines.push(line)
      const verb = line.split(' ', 1)[0]?.toUpperCase()
      switch (verb) {
        case 'EHLO': {
          const extra = [
            ...(tls?.mode === 'starttls' && !encrypted ? ['STARTTLS'] : []),
            ...(login ? ['AUTH PLAIN LOGIN'] : []),
          ]
          for (const each of ['sink.test', ...extra]) say(`250-${each}`)
          return say('250 8BITMIME')
        }
        case 'STARTTLS': {
          if (!tls) return say('454 4.7.0 no TLS here')
          say('220 2.0.0 go ahead')
          socket.removeAllListeners('data')
          const inner = new TLSSocket(socket, { isServer: true, cert: tls.cert, key: tls.key })
          inner.on('error', () => inner.destroy())
          return talk(inner, true, false)
        }
        case 'AUTH': {
          const [, how = '', given] = line.split(' ')
          if (how.toUpperCase() === 'PLAIN' && given) {
            const [, name = '', password = ''] = decode(given).split('\0')
            return logIn(name, password)
          }
          state = 'user'
          return say(`334 ${Buffer.from('Username:').toString('base64')}`)
        }
        case 'MAIL':
          if (login && user === undefined) return say('530 5.7.0 log in first')
          calls += 1
          if (mood === 'cut') return void socket.destroy()
          if (mood === 'hang') return
          mail = { from: addressIn(line), to: [], source: '', encrypted }
          return say('250 2.1.0 ok')
        case 'RCPT':
          if (options.unknown?.includes(addressIn(line))) return say(`550 ${words.refuse}`)
          mail.to.push(addressIn(line))
          return say('250 2.1.5 ok')
        case 'DATA':
          state = 'data'
          return say('354 end with a dot')
        case 'QUIT':
          say('221 2.0.0 bye')
          return void socket.end()
        default:
          return say('250 2.0.0 ok')
      }
    }
    const take = (line: string): void => {
      if (state === 'user') {
        claimed = decode(line)
        state = 'password'
        return say(`334 ${Buffer.from('Password:').toString('base64')}`)
      }
      if (state === 'password') return logIn(claimed, decode(line))
      if (state === 'command') return command(line)
      if (line === '.') {
        state = 'command'
        return settle()
      }
      mail.source += `${line.startsWith('.') ? line.slice(1) : line}\r\n`
    }
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    socket.on('data', (bytes: Buffer) => {
      rest += bytes.toString('utf8')
      for (let end = rest.indexOf('\r\n'); end >= 0; end = rest.indexOf('\r\n')) {
        const line = rest.slice(0, end)
        rest = rest.slice(end + 2)
        take(line)
      }
    })
    if (greet) say('220 sink.test ESMTP')
  }

  const server =
    tls?.mode === 'implicit'
      ? createTlsServer({ cert: tls.cert, key: tls.key }, (socket) => talk(socket, true, true))
      : createServer((socket) => talk(socket, false, true))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const port = portOf(server)

  return {
    port,
    words,
    mails,
    lines,
    get calls() {
      return calls
    },
    behave: (next) => void (mood = next),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}
