import { refuse } from '../errors.ts'
import { isWrapper } from './json-scan.ts'
import { ingestLimits } from './limits.ts'
import { toText } from './safe-json.ts'

const indefinite = -1
const maxSafe = Number.MAX_SAFE_INTEGER

const malformed = (what: string) => refuse('PAYLOAD_MALFORMED', `The payload is not CBOR: ${what}.`)

/**
 * Looks at CBOR before it is decoded: one pass with a stack of fixed size, since the decoder itself calls itself for each level.
 * Announced lengths are held against the bytes that are really there.
 */
export function scanCbor(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  // Per open container: items still to come (a map counts keys and values), and whether it is a map.
  const left = new Float64Array(ingestLimits.depth + 1)
  const isMap = new Uint8Array(ingestLimits.depth + 1)
  // How many items of an indefinite container have been seen, for whose turn it is: key or value.
  const seen = new Float64Array(ingestLimits.depth + 1)
  let depth = 0
  let keys = 0
  let items = 0
  let i = 0
  let done = false

  while (!done) {
    if (i >= bytes.length) throw malformed('it ends in the middle')
    const initial = bytes[i++] ?? 0
    const major = initial >> 5
    const minor = initial & 31
    if (initial === 0xff) {
      if (depth === 0 || left[depth] !== indefinite) throw malformed('a break where none can be')
      if (isMap[depth] === 1 && (seen[depth] ?? 0) % 2 === 1) throw malformed('a map with a key and no value')
      depth--
    } else {
      if (++items > ingestLimits.cborItems) {
        throw refuse('PAYLOAD_INVALID', `The payload holds more than ${ingestLimits.cborItems} values.`)
      }
      const key = depth > 0 && isMap[depth] === 1 && (seen[depth] ?? 0) % 2 === 0
      if (depth > 0) {
        seen[depth] = (seen[depth] ?? 0) + 1
        if (left[depth] !== indefinite) left[depth] = (left[depth] ?? 0) - 1
      }
      if (key && major !== 3) throw refuse('PAYLOAD_INVALID', 'A map in the payload has a key that is no text.')
      let argument = minor
      if (minor >= 24 && minor <= 27) {
        const size = 1 << (minor - 24)
        if (i + size > bytes.length) throw malformed('it ends in the middle')
        argument = readArgument(view, i, size)
        i += size
      } else if (minor > 27 && minor < 31) throw malformed('a reserved length')
      else if (minor === 31) argument = indefinite

      if (major <= 1) {
        if (minor === 31) throw malformed('an integer without length')
        // A negative integer n is kept as -1 - n.
        if (argument > (major === 0 ? maxSafe : maxSafe - 1)) {
          throw refuse('PAYLOAD_INVALID', 'An integer in the payload is beyond 2^53; send it as text.')
        }
      } else if (major === 2) throw refuse('PAYLOAD_INVALID', 'The payload holds a byte string; send it as text.')
      else if (major === 3) {
        if (minor === 31) throw refuse('PAYLOAD_INVALID', 'The payload holds a text in pieces.')
        if (i + argument > bytes.length) throw malformed('a text is longer than the payload')
        const end = i + argument
        toText(bytes.subarray(i, end))
        if (key && !(depth <= 2 && isWrapper(bytes, i, end)) && ++keys > ingestLimits.keysPerMessage) {
          throw refuse('PAYLOAD_INVALID', `The payload holds more than ${ingestLimits.keysPerMessage} keys.`)
        }
        i = end
      } else if (major === 6) throw refuse('PAYLOAD_INVALID', 'The payload holds a tag.')
      else if (major === 7) checkSimple(view, i, minor)
      else {
        const announced = major === 5 && argument !== indefinite ? argument * 2 : argument
        if (announced > bytes.length - i) throw malformed('a container is longer than the payload')
        if (++depth > ingestLimits.depth) {
          throw refuse('PAYLOAD_INVALID', `The payload is nested deeper than ${ingestLimits.depth} levels.`)
        }
        left[depth] = announced
        seen[depth] = 0
        isMap[depth] = major === 5 ? 1 : 0
      }
    }
    while (depth > 0 && left[depth] === 0) depth--
    done = depth === 0
  }
  if (i !== bytes.length) throw malformed('something follows its end')
}

function readArgument(view: DataView, at: number, size: number): number {
  if (size === 1) return view.getUint8(at)
  if (size === 2) return view.getUint16(at)
  if (size === 4) return view.getUint32(at)
  return view.getUint32(at) * 0x1_0000_0000 + view.getUint32(at + 4)
}

/** False, true, null, undefined and finite floats; `end` stands after the float. */
function checkSimple(view: DataView, end: number, minor: number): void {
  if (minor >= 20 && minor <= 23) return
  if (minor < 25 || minor > 27) throw refuse('PAYLOAD_INVALID', 'The payload holds a simple value without meaning.')
  const finite =
    minor === 25
      ? (view.getUint16(end - 2) & 0x7c00) !== 0x7c00
      : Number.isFinite(minor === 26 ? view.getFloat32(end - 4) : view.getFloat64(end - 8))
  if (!finite) throw refuse('PAYLOAD_INVALID', 'A number in the payload is infinite or none.')
}
