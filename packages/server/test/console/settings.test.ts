import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Api, createApi } from '../harness/api.ts'
import { packFeed } from '../harness/packed-plugin.ts'
import { type ServerProcess, startServer } from '../harness/server-process.ts'
import { findViolations, loadAxe } from './axe.ts'
import { chromiumPath, openPage, shoot, startChromium } from './browser-page.ts'
import { signIn } from './signed-in.ts'

const person = { user: 'ada', password: 'correct horse battery' }

/** What a self-hoster settles by hand instead of by variables of the start, on one platform. */
describe.skipIf(chromiumPath === undefined)('settings by the console (needs a Chromium on the PATH)', () => {
  let data: string
  let server: ServerProcess
  let browser: Browser
  let api: Api
  let state: Awaited<ReturnType<typeof signIn>>
  beforeAll(async () => {
    data = await mkdtemp(join(tmpdir(), 'patchbay-console-'))
    server = await startServer({
      data,
      env: { PATCHBAY_ADMIN_USER: person.user, PATCHBAY_ADMIN_PASSWORD: person.password },
    })
    browser = await startChromium()
    api = createApi(server.url)
    state = await signIn(browser, server.url, person)
  })
  afterAll(async () => {
    await browser?.close()
    await server?.kill()
    await rm(data, { recursive: true, force: true })
  })

  /** A page of its own; at its end nothing may have gone wrong in it. */
  const walk = async (work: (page: Page) => Promise<void>, permitted: RegExp = /(?!)/): Promise<void> => {
    const { page, troubles, context } = await openPage(browser, server.url, { storageState: state })
    await loadAxe(context)
    await work(page)
    expect(troubles.filter((each) => !permitted.test(each))).toEqual([])
    await context.close()
  }

  test('a plugin is approved at host level in so many words, and taken back', { timeout: 60_000 }, () =>
    walk(async (page) => {
      const upload = async (bytes: Buffer): Promise<void> => {
        await page.goto(`${server.url}/plugins`)
        await page.locator('[data-test=install]').click()
        const file = { name: 'feed.tgz', mimeType: 'application/gzip', buffer: bytes }
        await page.locator('dialog input[type=file]').setInputFiles(file)
      }
      // One that can live in a worker is offered both, the safe one first.
      await upload(packFeed())
      const level = page.locator('[data-test=level]')
      await level.getByText('At host level nothing contains it').waitFor()
      expect(await level.locator('input[value=worker]').isChecked()).toBe(true)
      await level.locator('input[value=host]').check()
      await page.locator('dialog').getByText('the platform’s own thread', { exact: true }).waitFor()
      await findViolations(page, 'plugin-level')
      await level.scrollIntoViewIfNeeded()
      await shoot(page, 'plugin-level')
      await page.locator('[data-test=approve]').click()
      await page.getByText('is installed.').waitFor()
      expect((await api.get('/api/v1/plugins/acme-feed')).body.level).toBe('host')

      await page.goto(`${server.url}/plugins/acme-feed`)
      await page.getByRole('link', { name: 'host level' }).click()
      await page.getByText('It runs at host level').waitFor()
      await findViolations(page, 'plugin-versions')
      await shoot(page, 'plugin-versions')
      await page.getByRole('button', { name: 'Withdraw host level' }).click()
      await page.locator('dialog').getByRole('button', { name: 'Withdraw host level' }).click()
      await page.getByText('runs in a thread of its own.').first().waitFor()
      expect((await api.get('/api/v1/plugins/acme-feed')).body.level).toBe('worker')
      await page.getByRole('button', { name: 'Approve at host level' }).waitFor()
      await api.delete('/api/v1/plugins/acme-feed')

      // One that cannot: nothing is chosen, so nothing can be approved in passing.
      await upload(packFeed({ id: 'acme-door', manifest: { needs: { services: ['sessions', 'door'] } } }))
      await level.getByText('It needs door').waitFor()
      expect(await page.locator('[data-test=approve]').isDisabled()).toBe(true)
      await level.locator('input[value=host]').check()
      await page.locator('[data-test=approve]').click()
      await page.getByText('is installed.').waitFor()
      await page.goto(`${server.url}/plugins/acme-door/versions`)
      await page.getByText('the approval ends only with the plugin').waitFor()
      expect(await page.getByRole('button', { name: 'Withdraw host level' }).count()).toBe(0)
    }),
  )
})
