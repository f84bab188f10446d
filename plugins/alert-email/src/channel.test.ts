import { alertChannelContract, createSmtpRemote, makeTestCertificate, startPlugin, toSample } from '@patchbay/testkit'
import { expect, test } from 'vitest'
import plugin from './index.ts'

const manifest = new URL('../plugin.json', import.meta.url)
const { signal } = new AbortController()
const certificate = await makeTestCertificate(['127.0.0.1', 'localhost'])
const login = { user: 'patchbay', password: 'a-very-secret-password' }
const addresses = { from: 'Patchbay <alerts@example.org>', to: ['ops@example.org', 'boss@example.org'] }

alertChannelContract({
  plugin,
  manifest,
  channel: 'email',
  badConfigs: [
    { to: [] },
    { to: ['nobody'] },
    { to: ['a@b.org\r\nBcc: c@d.org'] },
    { from: 'Evil\r\nBcc: x@y.org <a@b.org>' },
    { port: 0 },
    { password: 'without-a-user', username: undefined },
    { security: 'none' },
    { subject: '{{ unfinished' },
    { html: '{% no %}' },
  ],
  remote: {
    open: () => createSmtpRemote({ login, tls: { ...certificate, mode: 'starttls' } }),
    config: ({ port }) => ({
      host: '127.0.0.1',
      port,
      ca: certificate.cert,
      username: login.user,
      password: login.password,
      ...addresses,
    }),
  },
  secrets: [login.password],
  idsOf: ({ mails }) => mails.map(({ source }) => /^Message-ID: (.*)$/im.exec(source)?.[1] ?? ''),
})

const send = async (config: Record<string, unknown>, sample = toSample('n-1')) => {
  const host = await startPlugin(plugin, { manifest, config: { host: '127.0.0.1', ...addresses, ...config } })
  try {
    return await host.alertChannels.get('email')?.deliver(sample, { attempt: 1, signal })
  } finally {
    await host.stop()
  }
}

test('a mail arrives as its templates say; no value of a device makes a header or markup', async () => {
  const remote = await createSmtpRemote()
  const sample = toSample('n-1')
  sample.device.name = 'Boiler\r\nBcc: victim@example.org\r\n\r\n<script>'
  const answer = await send(
    {
      port: remote.port,
      security: 'none',
      subject: 'Alarm {{ device.name }}',
      text: 'Value {{ alert.value.temperature }}\n.\nend',
      html: '<b>{{ device.name }}</b>',
    },
    sample,
  )
  await remote.close()
  expect(answer).toEqual({ outcome: 'delivered', reply: '250 2.0.0 queued as 17' })
  const [mail] = remote.mails
  expect(mail).toMatchObject({ from: 'alerts@example.org', to: addresses.to, encrypted: false })
  const [head = '', ...body] = (mail?.source ?? '').split('\r\n\r\n')
  const unfolded = head.replaceAll(/\r\n\s+/g, ' ')
  expect(unfolded).toMatch(/^Subject: Alarm Boiler Bcc: victim@example\.org <script>$/m)
  expect(unfolded).not.toMatch(/^Bcc:/m)
  expect(unfolded).toMatch(/^Auto-Submitted: auto-generated$/m)
  expect(unfolded).toMatch(/^Date: Tue, 24 Nov 2026 12:00:00 \+0000$/m)
  expect(body.join('\r\n\r\n')).toContain('Value 91.5\r\n.\r\nend')
  expect(body.join('\r\n\r\n')).toContain('&lt;script&gt;')
  expect(body.join('\r\n\r\n')).not.toContain('<script>')
})

test('TLS from the first byte, with a login', async () => {
  const remote = await createSmtpRemote({ login, tls: { ...certificate, mode: 'implicit' } })
  const config = { port: remote.port, security: 'tls', ca: certificate.cert, username: login.user }
  expect(await send({ ...config, password: login.password })).toMatchObject({ outcome: 'delivered' })
  expect(remote.mails[0]).toMatchObject({ encrypted: true, user: login.user })
  expect(await send({ ...config, password: 'guess-99' })).toEqual({
    outcome: 'refused',
    reply: '535 5.7.8 wrong user or password',
  })
  await remote.close()
})

test('a certificate that is not trusted, or of another name, gets no mail and no password', async () => {
  const remote = await createSmtpRemote({ login, tls: { ...certificate, mode: 'starttls' } })
  const other = await makeTestCertificate(['elsewhere.test'])
  const named = await createSmtpRemote({ login, tls: { ...other, mode: 'starttls' } })
  const secrets = { username: login.user, password: login.password }
  expect(await send({ port: remote.port, ...secrets })).toMatchObject({
    outcome: 'retry',
    reply: expect.stringMatching(/self.signed certificate/),
  })
  expect(await send({ port: named.port, ca: other.cert, ...secrets })).toMatchObject({
    outcome: 'retry',
    reply: expect.stringMatching(/altnames/),
  })
  expect([...remote.lines, ...named.lines].join('\n')).not.toMatch(/AUTH|MAIL/)
  await remote.close()
  await named.close()
})

test('a server that offers no STARTTLS gets nothing, since plain text is no fallback', async () => {
  const remote = await createSmtpRemote()
  expect(await send({ port: remote.port })).toMatchObject({ outcome: expect.stringMatching(/retry|refused/) })
  expect(remote.lines.join('\n')).not.toContain('MAIL')
  await remote.close()
})

test('one unknown recipient does not keep the mail from the others, and is told', async () => {
  const remote = await createSmtpRemote({ unknown: ['boss@example.org'] })
  const config = { port: remote.port, security: 'none' }
  expect(await send(config)).toEqual({
    outcome: 'delivered',
    reply: '250 2.0.0 queued as 17 (refused for boss@example.org)',
  })
  expect(await send({ ...config, to: ['boss@example.org'] })).toMatchObject({
    outcome: 'refused',
    reply: expect.stringContaining('5.1.1 nobody lives here'),
  })
  await remote.close()
})

test('metadata and link-local addresses are closed to it', async () => {
  expect(await send({ host: '169.254.169.254', port: 25, security: 'none' })).toMatchObject({
    outcome: 'refused',
    reply: expect.stringContaining('not allowed'),
  })
})
