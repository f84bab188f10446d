import { compilePointer, PointerInvalid } from './pointer.ts'
import type { SourceMessage } from './source-message.ts'

/** Makes a text of a message; undefined when something that it names is not there. */
export type MessageTemplate = (message: SourceMessage, document: unknown) => string | undefined

const toText = (value: unknown): string | undefined => {
  if (typeof value === 'string') return value === '' ? undefined : value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}

const headerPrefix = 'header.'

function compileChoice(choice: string): MessageTemplate {
  if (choice === 'key') return ({ key }) => toText(key)
  if (choice === 'topic') return ({ topic }) => toText(topic)
  if (choice.startsWith(headerPrefix)) {
    const name = choice.slice(headerPrefix.length)
    return ({ headers }) => toText(headers.get(name))
  }
  if (!choice.startsWith('/'))
    throw new PointerInvalid(
      `{${choice}} names nothing: it can be key, topic, header.NAME or a JSON pointer like /device.`,
    )
  const read = compilePointer(choice)
  return (_, document) => toText(read(document))
}

/** `{a|b}`: the first of them that is there. */
function compilePart(part: string): MessageTemplate {
  const choices = part.split('|').map(compileChoice)
  return (message, document) => {
    for (const choice of choices) {
      const text = choice(message, document)
      if (text !== undefined) return text
    }
    return undefined
  }
}

/**
 * Compiles a text with places such as `meter-{/serial}`, `{key}`, `{topic}`, `{header.device}`; `{/device|key}` is the first of them that is
 * there. Throws PointerInvalid.
 */
export function compileTemplate(template: string): MessageTemplate {
  const parts: (string | MessageTemplate)[] = []
  let from = 0
  for (const { index, 0: whole, 1: inner = '' } of template.matchAll(/\{([^{}]+)\}/g)) {
    parts.push(template.slice(from, index), compilePart(inner))
    from = index + whole.length
  }
  parts.push(template.slice(from))
  return (message, document) => {
    let text = ''
    for (const part of parts) {
      const piece = typeof part === 'string' ? part : part(message, document)
      if (piece === undefined) return undefined
      text += piece
    }
    return text
  }
}
