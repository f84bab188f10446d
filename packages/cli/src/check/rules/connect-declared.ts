import type { Rule } from '../rule.ts'
import { importsOf, search } from '../source-search.ts'

/** A type opens nothing. */
const typeImport = /\b(?:import|export)\s+type\b[^;'"]*?\bfrom\s*['"][^'"\n]+['"]/g
const connecting = /^(node:)?(net|tls|http|https|http2|dgram)$|^@patchbay\/sdk\/outbound-/

export const rule: Rule = {
  id: 'connect-declared',
  tier: 'recommended',
  asks: 'A plugin that opens connections says in needs.connect or needs.listen where to',
  find({ manifest: { needs }, sources }) {
    if ((needs.connect ?? []).length > 0 || (needs.listen ?? []).length > 0) return []
    const running = sources.map((file) => ({ ...file, code: file.code.replaceAll(typeImport, '') }))
    const hits = [
      ...importsOf(running).filter(({ found }) => connecting.test(found)),
      ...search(running, /(?<![.\w])fetch\s*\(/g),
    ]
    const [first] = hits
    return first ? [`${first.place} uses ${first.found.replace(/\s*\($/, '')}, and plugin.json names no address.`] : []
  },
}
