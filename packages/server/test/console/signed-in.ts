import type { Browser, BrowserContext } from 'playwright-core'
import { openPage } from './browser-page.ts'

export type SignedIn = Awaited<ReturnType<BrowserContext['storageState']>>

/** Signs in by the page, as a person does, and answers what the browser keeps of it. */
export const signIn = async (
  browser: Browser,
  url: string,
  { user, password }: { user: string; password: string },
): Promise<SignedIn> => {
  const { page, context, close } = await openPage(browser, url)
  await page.goto(`${url}/login`)
  await page.fill('input[name=user]', user)
  await page.fill('input[name=password]', password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByText(`Hello, ${user}`).waitFor()
  const state = await context.storageState()
  await close()
  return state
}
