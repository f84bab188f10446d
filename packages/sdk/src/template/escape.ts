const htmlEntities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Text inside HTML, also inside a quoted attribute. */
export const escapeHtml = (text: string): string => text.replaceAll(/[&<>"']/g, (sign) => htmlEntities[sign] ?? sign)

/** Text inside a JSON string, without the quotes around it. */
export const escapeJson = (text: string): string => JSON.stringify(text).slice(1, -1)

/** Text on one line: what ends a line or rules a terminal becomes a space. */
export const escapeLine = (text: string): string => text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ')
