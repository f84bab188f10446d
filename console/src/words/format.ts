/** What fills the places of a message. */
export type Fill = Readonly<Record<string, string | number>>

const place = /\{(\w+)(?:, plural, one \{([^}]*)\} other \{([^}]*)\})?\}/g

/**
 * Fills a message: `{name}`, and `{n, plural, one {# device} other {# devices}}`. Messages are our own texts; what is filled in is put
 * there as text and not looked at again.
 */
export const fillMessage = (message: string, fill: Fill, locale: string): string =>
  message.replaceAll(place, (all, name: string, one?: string, other?: string) => {
    const value = fill[name]
    if (value === undefined) return all
    const text = typeof value === 'number' ? new Intl.NumberFormat(locale).format(value) : value
    if (one === undefined || other === undefined || typeof value !== 'number') return text
    return (new Intl.PluralRules(locale).select(value) === 'one' ? one : other).replaceAll('#', () => text)
  })

/** Every letter with an accent and a third more of them: shows what was forgotten and what will not fit. */
export const toPseudo = (message: string): string => {
  const accents: Record<string, string> = {
    a: 'á',
    e: 'é',
    i: 'í',
    o: 'ó',
    u: 'ú',
    A: 'Á',
    E: 'É',
    O: 'Ó',
    n: 'ñ',
    s: 'š',
    c: 'ç',
  }
  const text = message.replaceAll(/\{[^}]*(?:\{[^}]*\}[^}]*)*\}|./gs, (piece) => accents[piece] ?? piece)
  return `[${text}${'·'.repeat(Math.ceil(message.length / 3))}]`
}
