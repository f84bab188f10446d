import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { createTokens } from './tokens.ts'

test('without a key the machine is asked for the token of its service account, and not again while it holds', async () => {
  let asked = 0
  const machine = createServer((request, response) => {
    asked += 1
    const isAsked = request.headers['metadata-flavor'] === 'Google'
    response.writeHead(isAsked ? 200 : 403).end(JSON.stringify({ access_token: `token-${asked}`, expires_in: 3600 }))
  })
  await new Promise<void>((resolve) => machine.listen(0, '127.0.0.1', resolve))
  const { port } = machine.address() as AddressInfo
  const tokens = createTokens(undefined, { GCE_METADATA_HOST: `127.0.0.1:${port}` })
  expect([await tokens(), await tokens()]).toEqual(['token-1', 'token-1'])
  machine.closeAllConnections()
  machine.close()
})

test('without anything it says what to do', async () => {
  await expect(createTokens(undefined, { GCE_METADATA_HOST: '127.0.0.1:1' })()).rejects.toThrow(
    'enter the key of a service account',
  )
})
