import { createRequire } from 'node:module'
import type { BrowserContext, Page } from 'playwright-core'
import { expect } from 'vitest'

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

/** In every page of the context from now on. */
export const loadAxe = async (context: BrowserContext): Promise<void> =>
  void (await context.addInitScript({ path: axe }))

/** Chooses as another tab would: what is open follows without being loaded again. */
export const choose = (page: Page, what: 'theme' | 'locale', value: string): Promise<void> =>
  page.evaluate(`{
    localStorage.setItem('patchbay.${what}', '${value}')
    dispatchEvent(new StorageEvent('storage', { key: 'patchbay.${what}', newValue: '${value}' }))
    new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))
  }`)

/** What axe finds on what is open now, of all rules or of these only. */
export const violationsOf = async (page: Page, where: string, rules?: readonly string[]): Promise<string[]> => {
  // A colour on its way to another is neither.
  await page.evaluate(`Promise.all(document.getAnimations().flatMap((each) =>
    each instanceof CSSTransition ? [each.finished.catch(() => undefined)] : []))`)
  const options = { resultTypes: ['violations'], ...(rules ? { runOnly: rules } : {}) }
  const list = await page.evaluate<{ id: string; impact: string; nodes: { html: string }[] }[]>(
    `axe.run(${JSON.stringify(options)}).then(({ violations }) => violations)`,
  )
  return list.map(({ id, impact, nodes }) => {
    const parts = nodes.slice(0, 3).map(({ html }) => html.slice(0, 160))
    return `${where}: ${id} (${impact}): ${parts.join(' | ')}`
  })
}

/** What is open now, held against all rules of axe in three themes, and against the width of a phone in the longest words and in Chinese. */
export const findViolations = async (page: Page, where: string): Promise<void> => {
  const found: string[] = []
  const look = async (as: string, rules?: readonly string[]): Promise<void> =>
    void found.push(...(await violationsOf(page, `${where} ${as}`, rules)))
  // Everything once; the other themes differ in nothing but colours, and a phone in what is cut off.
  await look('light')
  for (const theme of ['dark', 'contrast']) {
    await choose(page, 'theme', theme)
    await look(theme, ['color-contrast'])
  }
  await choose(page, 'theme', 'light')
  const size = page.viewportSize()
  await page.setViewportSize({ width: 360, height: 740 })
  for (const locale of ['pseudo', 'zh']) {
    await choose(page, 'locale', locale)
    const over = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')
    if (over > 0) found.push(`${where} ${locale}: ${over} px wider than a phone`)
  }
  await look('phone', ['scrollable-region-focusable', 'target-size'])
  await choose(page, 'locale', 'en')
  if (size) await page.setViewportSize(size)
  expect(found).toEqual([])
}
