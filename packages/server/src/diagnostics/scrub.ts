/** Shorter ones would be found in every text, and are no secrets. */
const leastChars = 6
const mask = '[secret]'

/** Every form in which a secret may stand in a text: as it is, in an address, in JSON, as Basic credentials. */
const formsOf = (secret: string): string[] => [
  secret,
  encodeURIComponent(secret),
  JSON.stringify(secret).slice(1, -1),
  Buffer.from(secret).toString('base64'),
  Buffer.from(secret).toString('base64url'),
]

/**
 * Takes known secrets out of texts. What the platform shows has none in it; this is for what was written by others, such as an error of a
 * library that quotes an address. User and password in any address go, too.
 */
export function createScrubber(secrets: readonly string[]): (text: string) => string {
  const forms = [...new Set(secrets.filter(({ length }) => length >= leastChars).flatMap(formsOf))]
  // The longest first: one may be a part of another.
  forms.sort((a, b) => b.length - a.length)
  return (text) => {
    let clean = text.replaceAll(/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@"'<>]+@/gi, `$1${mask}@`)
    for (const form of forms) clean = clean.replaceAll(form, mask)
    return clean.replaceAll(/\b(Bearer|Basic)\s+[\w+/=.~-]{8,}/gi, `$1 ${mask}`)
  }
}
