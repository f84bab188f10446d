import { writeFile } from 'node:fs/promises'
import http from 'node:http'
import https from 'node:https'
import { join } from 'node:path'
import { isInstalled } from '../harness/coap-client.ts'
import { runProgram } from './program.ts'
import { type Credentials, type Place, type Row, settled } from './row.ts'

interface Answer {
  status: string
  text: string
}
type Ask = (place: Place, login: Credentials, path: string, body?: string) => Promise<Answer>

const answers = {
  connect: '204',
  'wrong secret': '401',
  revoked: '403',
  'own topic': '204',
  'foreign topic': '403',
  'too large': '413',
  'too deep': '422',
  ...settled,
} as const

const askWithNode =
  (secure: boolean): Ask =>
  ({ port, ca }, { id, secret }, path, body) =>
    new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/json' }
      const method = body === undefined ? 'GET' : 'POST'
      const options = { host: 'localhost', port, path, ca, method, headers, auth: `${id}:${secret}`, agent: false }
      const asked = (secure ? https : http).request(options, (answer) => {
        let text = ''
        answer.on('data', (chunk: Buffer) => (text += chunk.toString()))
        answer.on('end', () => resolve({ status: String(answer.statusCode), text }))
      })
      asked.on('error', reject)
      asked.end(body)
    })

let files = 0

const askWithCurl =
  (secure: boolean): Ask =>
  async ({ port, caFile, folder }, { id, secret }, path, body) => {
    const file = join(folder, `curl-${files++}`)
    await writeFile(file, body ?? '')
    const url = `${secure ? 'https' : 'http'}://localhost:${port}${path}`
    const post = body === undefined ? [] : ['-H', 'Content-Type: application/json', '--data-binary', `@${file}`]
    const who = ['-s', '-u', `${id}:${secret}`, '-w', '\n%{http_code}', '--cacert', caFile]
    const { out } = await runProgram('curl', [...who, ...post, url])
    const at = out.lastIndexOf('\n')
    return { status: out.slice(at + 1), text: out.slice(0, at) }
  }

const row = (ask: Ask, secure: boolean, client: string): Row => {
  const publish: Row['publish'] = async (place, login, { topic, payload }) =>
    (await ask(place, login, `/v1/${topic}`, payload)).status
  return {
    protocol: 'HTTP',
    transport: secure ? 'TLS' : 'TCP',
    client,
    here: client === 'ours' || isInstalled('curl'),
    answers,
    connect: publish,
    publish,
    async takeCommand(place, login) {
      const path = `/v1/devices/${login.id}/commands`
      const [command] = JSON.parse((await ask(place, login, `${path}?wait=10`)).text)
      // The next poll says that this one was heard.
      await ask(place, login, path)
      return command
    },
  }
}

export const httpRows: Row[] = [false, true].flatMap((secure) => [
  row(askWithNode(secure), secure, 'ours'),
  row(askWithCurl(secure), secure, 'curl'),
])
