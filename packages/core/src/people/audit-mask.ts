/** Fields whose values are never written down. */
const secretName =
  /pass(word|phrase|wd)|secret|token|credential|authorization|cookie|private|(^|[-_ ])(api|access|signing|master|shared)?[-_]?key$|Key$/i
const maxDepth = 12
const maxItems = 200
const maxTextLength = 2_000
const maxBytes = 16_384

const mask = '***'

/** Addresses may carry a password: `amqp://user:secret@host`. Looked for by hand: a pattern would take square time on long texts. */
const maskPasswords = (text: string): string => {
  let clean = ''
  let done = 0
  for (let at = text.indexOf('://'); at !== -1; at = text.indexOf('://', done)) {
    const start = at + 3
    let end = start
    while (end < text.length && !endsAuthority.has(text.charCodeAt(end))) end++
    const user = text.slice(start, end)
    const host = user.lastIndexOf('@')
    const colon = user.indexOf(':')
    clean += text.slice(done, start)
    clean += host !== -1 && colon !== -1 && colon < host ? `${user.slice(0, colon)}:${mask}${user.slice(host)}` : user
    done = end
  }
  return clean + text.slice(done)
}
/** `/ ? #` and white space (RFC 3986, section 3.2). */
const endsAuthority = new Set(Buffer.from('/?# \t\r\n'))

const maskText = (text: string): string => {
  const clean = maskPasswords(text)
  return clean.length > maxTextLength ? `${clean.slice(0, maxTextLength)}…` : clean
}

const walk = (value: unknown, depth: number): unknown => {
  if (typeof value === 'string') return maskText(value)
  if (typeof value !== 'object' || value === null) return value
  if (depth >= maxDepth) return '…'
  if (Array.isArray(value)) return value.slice(0, maxItems).map((item) => walk(item, depth + 1))
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, maxItems)
      .map(([name, item]) => [name, secretName.test(name) && item !== null ? mask : walk(item, depth + 1)]),
  )
}

/** A request's body as the audit trail may keep it: secrets masked, depth and size bounded. */
export const maskSecrets = (body: unknown): unknown => {
  const masked = walk(body, 0)
  const bytes = masked === undefined ? 0 : Buffer.byteLength(JSON.stringify(masked))
  return bytes > maxBytes ? { tooLarge: bytes } : masked
}
