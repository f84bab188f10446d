import { createPrivateKey, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readIfThere } from '../settings/private-file.ts'
import { type Check, fail, type Finding, ok, reasonOf, skip, warn } from './finding.ts'

const dayMs = 86_400_000
const soonDays = 30
const check = 'TLS certificate'

/** The name in `PATCHBAY_PUBLIC_URL`, when it has to be in the certificate. */
const publicName = (url: string | undefined): string | undefined => {
  const parsed = url === undefined ? null : URL.parse(url)
  return parsed?.protocol === 'https:' ? parsed.hostname : undefined
}

const namesHost = (certificate: X509Certificate, name: string): boolean =>
  (isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)) !== undefined

function findExpiry(certificate: X509Certificate, nowMs: number, remedy: string): Finding {
  const days = Math.floor((Date.parse(certificate.validTo) - nowMs) / dayMs)
  const text = `${certificate.subject.replaceAll('\n', ', ')} ends ${certificate.validTo}`
  if (Date.parse(certificate.validFrom) > nowMs)
    return fail(check, `${text} and begins only ${certificate.validFrom}`, 'See that the clock is right.')
  if (days < 0) return fail(check, `${text}: it has ended`, remedy)
  return days < soonDays ? warn(check, `${text}, in ${days} days`, remedy) : ok(check, `${text}, in ${days} days`)
}

export const checkCertificates: Check = async ({ settings, nowMs }) => {
  const { tlsCert, tlsKey, data, publicUrl } = settings
  if (tlsCert === undefined || tlsKey === undefined) {
    const own = await readIfThere(join(data, 'tls', 'server.crt'))
    if (own === undefined) return [skip(check, 'none of its own yet: the first start makes it')]
    return [findExpiry(new X509Certificate(own), nowMs, 'Restart Patchbay: it renews it 30 days before.')]
  }
  try {
    const certificate = new X509Certificate(await readFile(tlsCert))
    const findings = [
      findExpiry(certificate, nowMs, 'Put a new one into PATCHBAY_TLS_CERT and PATCHBAY_TLS_KEY; they are watched.'),
    ]
    if (!certificate.checkPrivateKey(createPrivateKey(await readFile(tlsKey))))
      findings.push(
        fail(check, 'PATCHBAY_TLS_KEY is not the key of PATCHBAY_TLS_CERT', 'Give the two that belong together.'),
      )
    const name = publicName(publicUrl)
    if (name !== undefined && !namesHost(certificate, name))
      findings.push(warn(check, `it does not name ${name} of PATCHBAY_PUBLIC_URL`, 'Take one that does.'))
    return findings
  } catch (error) {
    return [
      fail(check, `PATCHBAY_TLS_CERT or PATCHBAY_TLS_KEY cannot be read: ${reasonOf(error)}`, 'Give two files in PEM.'),
    ]
  }
}
