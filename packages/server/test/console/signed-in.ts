import type { Browser, BrowserContext } from 'playwright-core'
import { openPage } from './browser-page.ts'

/** Signs in by the page, as a person does, and answers what the browser keeps of it. */
export const signIn = async (
  browser: Browser,
  url: string,
  { user, password }: { user: string; password: string },
): Promise<Awaited<ReturnType<BrowserContext['storageState']>>> => {
  const { page, context } = await openPage(browser, url)
  await page.goto(`${url}/login`)
  await page.fill('input[name=user]', user)
  await page.fill('input[name=password]', password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByText(`Hello, ${user}`).waitFor()
  const state = await context.storageState()
  await context.close()
  return state
}
