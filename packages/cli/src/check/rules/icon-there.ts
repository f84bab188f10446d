import type { Rule } from '../rule.ts'

const maxChars = 32 * 1024

export const rule: Rule = {
  id: 'icon-there',
  tier: 'exemplary',
  asks: 'It has an icon: an SVG of at most 32 KiB without scripts',
  async find({ manifest: { icon }, read }) {
    if (icon === undefined) return ['plugin.json names no icon.']
    const text = await read(icon)
    // Not there: a required rule says so.
    if (text === undefined) return []
    if (!icon.endsWith('.svg') || !text.includes('<svg')) return [`${icon} is no SVG.`]
    if (text.length > maxChars) return [`${icon} has more than 32 KiB.`]
    return /<script|\son\w+\s*=|javascript:/i.test(text) ? [`${icon} holds a script.`] : []
  },
}
