import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DomainError } from '@patchbay/core/errors'
import { readSigningRequest } from './signing-request.ts'

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000_007)
console.log(`signing requests: seed ${seed}`)

const ec = (namedCurve: string, hash = 'SHA-256') => ({ name: 'ECDSA', namedCurve, hash })
const p256 = ec('P-256')
const rsa = (modulusLength: number, hash = 'SHA-256', exponent = [1, 0, 1]) => ({
  name: 'RSASSA-PKCS1-v1_5',
  modulusLength,
  publicExponent: new Uint8Array(exponent),
  hash,
})

async function makeRequest(algorithm: object & { name: string }, name = 'CN=boiler-1') {
  const keys = await webcrypto.subtle.generateKey(algorithm as typeof p256, true, ['sign', 'verify'])
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name,
    keys,
    signingAlgorithm: algorithm as any,
    extensions: [new x509.BasicConstraintsExtension(true, 9, true)],
  })
  return {
    pem: request.toString('pem'),
    der: Buffer.from(request.rawData),
    key: Buffer.from(request.publicKey.rawData),
  }
}

const toPem = (der: Uint8Array) => x509.PemConverter.encode(new Uint8Array(der).buffer, 'CERTIFICATE REQUEST')
const whyOf = (pem: string): Promise<string> =>
  readSigningRequest(pem).then(
    () => 'taken',
    (error: unknown) =>
      error instanceof DomainError && error.code === 'CSR_INVALID' ? error.message : `threw ${error}`,
  )

test.each([
  ['EC P-256', ec('P-256')],
  ['EC P-384', ec('P-384', 'SHA-384')],
  ['RSA 2048', rsa(2048)],
  ['RSA 4096', rsa(4096, 'SHA-512')],
  ['Ed25519', { name: 'Ed25519' }],
])('a key of %s is taken, in a block of either name', async (_name, algorithm) => {
  const { pem, key } = await makeRequest(algorithm)
  expect(Buffer.from((await readSigningRequest(pem)).rawData)).toEqual(key)
  expect(await whyOf(`\r\n${pem.replaceAll('CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST')}\r\n`)).toBe('taken')
})

test.each([
  ['P-521', ec('P-521'), /on the curve secp521r1; use P-256 or P-384/],
  ['RSA 1024', rsa(1024), /RSA key of 1024 bits/],
  ['RSA with exponent 3', rsa(2048, 'SHA-256', [3]), /exponent/],
  ['a signature with SHA-1', rsa(2048, 'SHA-1'), /hash other than/],
])('%s is refused, with what to do instead', async (_name, algorithm, why) => {
  expect(await whyOf((await makeRequest(algorithm)).pem)).toMatch(why)
})

test('what is no request, more than one, too long, or of another’s key is refused', async () => {
  const { pem, der } = await makeRequest(ec('P-256'))
  const other = await makeRequest(ec('P-256'))
  const swapped = Buffer.from(der)
  other.key.copy(swapped, der.indexOf((await makeKeyOf(pem)).subarray(0, 26)))
  expect(await whyOf(toPem(swapped))).toMatch(/not signed by the key|cannot be read/)
  for (const text of ['', 'hello', `${pem}\n${pem}`, pem.replaceAll('CERTIFICATE REQUEST', 'CERTIFICATE')]) {
    expect(await whyOf(text)).toMatch(/not one PEM block/)
  }
  expect(await whyOf(pem + ' '.repeat(8192))).toMatch(/longer than/)
  // As deep as it can get: the parser has a limit, and what it throws is an answer.
  const deep = Buffer.alloc(5900, Buffer.from([0x30, 0x80]))
  expect(await whyOf(toPem(deep))).toMatch(/cannot be read/)
})

const makeKeyOf = async (pem: string) => Buffer.from((await readSigningRequest(pem)).rawData)

test('a request that was changed is refused clearly, or is still the same key’s: never a crash', async () => {
  const made = await Promise.all([ec('P-256'), rsa(2048), { name: 'Ed25519' }].map((each) => makeRequest(each)))
  const change = fc.oneof(
    fc.record({ kind: fc.constant('flip' as const), at: fc.nat(), with: fc.integer({ min: 1, max: 255 }) }),
    fc.record({ kind: fc.constant('cut' as const), at: fc.nat(), with: fc.integer({ min: 1, max: 64 }) }),
    fc.record({ kind: fc.constant('insert' as const), at: fc.nat(), with: fc.nat({ max: 255 }) }),
    fc.record({ kind: fc.constant('repeat' as const), at: fc.nat(), with: fc.integer({ min: 1, max: 300 }) }),
  )
  let taken = 0
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: 2 }), fc.array(change, { minLength: 1, maxLength: 4 }), async (which, changes) => {
      const { der, key } = made[which]!
      let bytes = Buffer.from(der)
      for (const one of changes) {
        const at = one.at % (bytes.length + 1)
        const rest = bytes.subarray(at)
        if (one.kind === 'flip' && at < bytes.length) bytes[at]! ^= one.with
        else if (one.kind === 'cut') bytes = Buffer.concat([bytes.subarray(0, at), rest.subarray(one.with)])
        else if (one.kind === 'insert') bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from([one.with]), rest])
        else bytes = Buffer.concat([bytes.subarray(0, at), rest.subarray(0, one.with), rest])
      }
      if (bytes.equals(der)) return
      const found = await readSigningRequest(toPem(bytes)).catch((error: unknown) => error)
      if (found instanceof x509.PublicKey) {
        taken++
        expect(Buffer.from(found.rawData)).toEqual(key)
      } else expect(found).toMatchObject({ name: 'DomainError', code: 'CSR_INVALID' })
    }),
    { seed, numRuns: 1500 },
  )
  console.log(`signing requests: ${taken} of 1500 changed ones were still the same request`)
})

test('any text is refused clearly', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ maxLength: 400, unit: 'binary' }), fc.boolean(), async (text, wrapped) => {
      const pem = wrapped ? toPem(Buffer.from(text)) : text
      expect(await whyOf(pem)).toMatch(/^The certificate signing request /)
    }),
    { seed, numRuns: 500 },
  )
})
