const quote = 0x22
const backslash = 0x5c
const open = new Set([0x7b, 0x5b])
const close = new Set([0x7d, 0x5d])
const comma = 0x2c
const colon = 0x3a

/** Where the string that begins at `start` ends, just after its closing quote. */
function stringEnd(text: string, start: number): number {
  let at = start + 1
  for (;;) {
    const code = text.charCodeAt(at)
    if (Number.isNaN(code)) return text.length
    if (code === backslash) at += 2
    else if (code === quote) return at + 1
    else at++
  }
}

/** Where the value that begins at `start` ends: at the comma or bracket that follows it. */
function valueEnd(text: string, start: number): number {
  let depth = 0
  let at = start
  while (at < text.length) {
    const code = text.charCodeAt(at)
    if (code === quote) {
      at = stringEnd(text, at)
      continue
    }
    if (open.has(code)) depth++
    else if (close.has(code) || code === comma) {
      if (depth === 0) return at
      if (code !== comma) depth--
    }
    at++
  }
  return at
}

/**
 * The text of one member's value in the text of a JSON object, as it was written: numbers keep all their digits, and nothing is made
 * twice. The last one wins, as in JSON.parse. The text must have passed JSON.parse before; undefined = no such member.
 */
export function memberText(text: string, name: string): string | undefined {
  let found: string | undefined
  let at = text.indexOf('{') + 1
  for (;;) {
    const keyStart = text.indexOf('"', at)
    if (keyStart < 0) return found
    const keyEnd = stringEnd(text, keyStart)
    const raw = text.slice(keyStart + 1, keyEnd - 1)
    let start = keyEnd
    while (text.charCodeAt(start) !== colon && start < text.length) start++
    const end = valueEnd(text, start + 1)
    const key: unknown = raw.includes('\\') ? JSON.parse(`"${raw}"`) : raw
    if (key === name) found = text.slice(start + 1, end).trim()
    // After the value of the last member there is nothing but the closing bracket.
    if (text.charCodeAt(end) !== comma) return found
    at = end + 1
  }
}
