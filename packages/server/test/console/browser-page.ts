import { accessSync, constants } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'
import { expect } from 'vitest'

/** A Chromium on the PATH; the suites of the console are skipped by name where there is none. */
export const chromiumPath: string | undefined = (process.env['PATH'] ?? '')
  .split(delimiter)
  .flatMap((folder) => ['chromium', 'chromium-browser', 'google-chrome'].map((name) => join(folder, name)))
  .find((path) => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false // not there: the next one
    }
  })

export interface WatchedPage {
  page: Page
  context: BrowserContext
  /** What must not happen in any tab of the context: errors on the console, requests that failed or went elsewhere, reports of the policy. */
  troubles: string[]
  /** Ends the context; nothing may have gone wrong in it but what is permitted. */
  close(permitted?: RegExp): Promise<void>
}

/** What the console says of an answer that is an error: its status, and what the browser itself writes of it. */
export const answered = (status: number, path = ''): RegExp =>
  new RegExp(
    `^${status}: \\S+${path}|^console: Failed to load resource: the server responded with a status of ${status}`,
  )
/** A socket or a question that finds nobody, while the platform is away. */
export const nobodyThere =
  /ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_SOCKET_NOT_CONNECTED|ERR_EMPTY_RESPONSE|WebSocket connection to/

const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** A Chromium that asks nobody for anything by itself. */
export const startChromium = (): Promise<Browser> => chromium.launch({ executablePath: chromiumPath ?? '', args })

/** One that keeps a profile and lets others measure in it: its port stands in `DevToolsActivePort` of the folder. */
export const startInFolder = (folder: string): Promise<BrowserContext> =>
  chromium.launchPersistentContext(folder, {
    executablePath: chromiumPath ?? '',
    args: [...args, '--remote-debugging-port=0'],
  })

export const openPage = async (
  browser: Browser,
  url: string,
  options: Parameters<Browser['newContext']>[0] = {},
): Promise<WatchedPage> => {
  const context = await browser.newContext({ viewport: { width: 1360, height: 860 }, locale: 'en-GB', ...options })
  context.setDefaultTimeout(10_000)
  const troubles: string[] = []
  // What the policy of the pages stops; the text runs inside the page.
  await context.addInitScript(
    `addEventListener('securitypolicyviolation', (event) => console.error('policy: ' + event.violatedDirective + ' ' + event.blockedURI))`,
  )
  context.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') troubles.push(`console: ${message.text()}`)
  })
  context.on('weberror', (error) => troubles.push(`error: ${error.error().message}`))
  context.on('requestfailed', (request) => {
    // A page that is left gives up what it was still asking for.
    const why = request.failure()?.errorText
    if (why !== 'net::ERR_ABORTED') troubles.push(`failed: ${request.url()} ${why}`)
  })
  context.on('request', (request) => {
    if (!/^(data|blob):/.test(request.url()) && new URL(request.url()).origin !== url)
      troubles.push(`went to ${request.url()}`)
  })
  context.on('response', (response) => {
    if (response.status() >= 400) troubles.push(`${response.status()}: ${response.url()}`)
  })
  // A socket is no request there.
  context.on('page', (opened) =>
    opened.on('websocket', (socket) => {
      if (new URL(socket.url()).host !== new URL(url).host) troubles.push(`went to ${socket.url()}`)
    }),
  )
  const page = await context.newPage()
  return {
    page,
    context,
    troubles,
    async close(permitted) {
      const found = troubles.filter((each) => !permitted?.test(each))
      await context.close()
      expect(found).toEqual([])
    },
  }
}

/** With PATCHBAY_TEST_SHOTS pictures are kept there, as docs/ shows them. */
export const shoot = async (page: Page, name: string): Promise<void> => {
  const folder = process.env['PATCHBAY_TEST_SHOTS']
  if (folder === undefined) return
  await mkdir(folder, { recursive: true })
  const session = await page.context().newCDPSession(page)
  // A third of what a PNG takes, and the text is as sharp.
  const { data } = await session.send('Page.captureScreenshot', { format: 'webp', quality: 82 })
  await writeFile(join(folder, `${name}.webp`), data, 'base64')
  await session.detach()
}
