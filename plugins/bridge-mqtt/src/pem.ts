import { BadConfig } from '@patchbay/sdk'

const lineChars = 64

/** PEM as it should be: a field of one line takes the line breaks away, which are put back. */
export function toPem(text: string, path: string): string {
  const blocks = [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----([\s\S]*?)-----END \1-----/g)]
  if (blocks.length === 0) throw new BadConfig(path, 'This is no PEM: it has no -----BEGIN …----- and its end.')
  return blocks
    .map(([whole, label = '', body = '']) => {
      // Headers of an encrypted key have a form of their own.
      if (body.includes(':')) return `${whole}\n`
      const lines = body.replaceAll(/\s+/g, '').match(new RegExp(`.{1,${lineChars}}`, 'g')) ?? []
      return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
    })
    .join('')
}
