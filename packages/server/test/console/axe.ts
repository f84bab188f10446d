import { createRequire } from 'node:module'
import type { BrowserContext, Page } from 'playwright-core'
import { expect } from 'vitest'

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

/** In every page of the context from now on. */
export const loadAxe = async (context: BrowserContext): Promise<void> =>
  void (await context.addInitScript({ path: axe }))

/** Chooses as another tab would: what is open follows without being loaded again. */
const choose = (page: Page, what: 'theme' | 'locale', value: string): Promise<void> =>
  page.evaluate(`{
    localStorage.setItem('patchbay.${what}', '${value}')
    dispatchEvent(new StorageEvent('storage', { key: 'patchbay.${what}', newValue: '${value}' }))
    new Promise((resolve) => setTimeout(resolve, 50))
  }`)

/** What is open now, held against all rules of axe in three themes, and against the width of a phone in the longest words and in Chinese. */
export const findViolations = async (page: Page, where: string): Promise<void> => {
  const found: string[] = []
  const look = async (as: string, rules?: readonly string[]): Promise<void> => {
    // A colour on its way to another is neither.
    await page.evaluate(`Promise.all(document.getAnimations().flatMap((each) =>
      each instanceof CSSTransition ? [each.finished.catch(() => undefined)] : []))`)
    const list = await page.evaluate<{ id: string; nodes: { html: string }[] }[]>(
      `axe.run(${JSON.stringify({ resultTypes: ['violations'], ...(rules ? { runOnly: rules } : {}) })}).then(({ violations }) => violations)`,
    )
    found.push(...list.map(({ id, nodes }) => `${where} ${as}: ${id}: ${nodes[0]?.html.slice(0, 200)}`))
  }
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
