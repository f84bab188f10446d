/**
 * Text in a form that is equal for all cases of its letters. Upper case, not lower: it makes one of both small sigmas and of the
 * sharp s and its pair.
 */
export function fold(text: string): string {
  return text.normalize('NFC').toUpperCase()
}
