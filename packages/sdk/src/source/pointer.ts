/** Reads one place of a JSON document. */
export type ReadPointer = (document: unknown) => unknown

/** The text is no JSON pointer. */
export class PointerInvalid extends Error {
  override readonly name = 'PointerInvalid'
}

const arrayIndex = /^(0|[1-9]\d{0,9})$/

function memberOf(value: unknown, token: string): unknown {
  if (Array.isArray(value)) {
    const list: readonly unknown[] = value
    return arrayIndex.test(token) ? list[Number(token)] : undefined
  }
  // Own members only: a document must not reach what objects have by themselves.
  return typeof value === 'object' && value !== null && Object.hasOwn(value, token)
    ? Reflect.get(value, token)
    : undefined
}

/** The tokens of a JSON pointer (RFC 6901), such as `/values/temperature`; an empty text is the whole document. */
export function toTokens(pointer: string): readonly string[] {
  if (pointer === '') return []
  if (!pointer.startsWith('/')) throw new PointerInvalid(`"${pointer}" is no JSON pointer: it must begin with /.`)
  return pointer
    .slice(1)
    .split('/')
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/** Compiles a JSON pointer; what is not there is undefined. */
export function compilePointer(pointer: string): ReadPointer {
  const tokens = toTokens(pointer)
  return (document) => {
    let value = document
    for (const token of tokens) {
      value = memberOf(value, token)
      if (value === undefined) return undefined
    }
    return value
  }
}
