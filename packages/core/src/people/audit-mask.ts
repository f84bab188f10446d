/** Fields whose values are never written down. */
const secretName =
  /pass(word|phrase|wd)|secret|token|credential|authorization|cookie|private|(^|[-_ ])(api|access|signing|master|shared)?[-_]?key$|Key$/i
const maxDepth = 12
const maxItems = 200
const maxTextLength = 2_000
const maxBytes = 16_384

const mask = '***'

const maskText = (text: string): string => {
  // Addresses may carry a password: `amqp://user:secret@host`.
  const clean = text.replaceAll(/([a-z][a-z0-9+.-]*:\/\/[^/\s:@]*):[^/\s@]+@/gi, `$1:${mask}@`)
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
