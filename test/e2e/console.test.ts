// The whole way of a person: set the owner up by the printed link, sign in with a second factor, add a server, and decide
// what a client asks for, in a real browser against the real Central.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { bootCentral } from '../helpers/boot-central.ts'
import { noBrowser, openBrowser, openContext, sticksOut } from '../helpers/browser.ts'
import { createCsr } from '../helpers/csr.ts'
import type { Person } from '../helpers/person.ts'

describe('the console of a real Central', { skip: noBrowser }, () => {
  let browser: Browser
  before(async () => {
    browser = await openBrowser()
  })
  after(() => browser?.close())

  /** A page at phone width; fails when any page complained. */
  async function withPage(url: string, use: (page: Page) => Promise<void>): Promise<void> {
    const { context, faults } = await openContext(browser, url, { viewport: { width: 390, height: 844 } })
    await use(await context.newPage())
    await context.close()
    assert.deepEqual(faults, [])
  }

  async function signIn(page: Page, { url, email, password, code }: Person): Promise<void> {
    await page.goto(`${url}/sign-in`)
    await page.getByLabel('E-mail').fill(email)
    await page.getByLabel('Password').fill(password)
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await page.getByLabel(/code/i).first().fill(code())
    await page.keyboard.press('Enter')
    await page.waitForURL(`${url}/`)
  }

  test('the set-up link makes an owner once', async (t) => {
    const { url, central } = await bootCentral(t)
    const link = await central.identity.accounts.createSetupLink()
    assert.ok(link)
    await withPage(url, async (page) => {
      await page.goto(link)
      await page.getByLabel('E-mail').fill('anna@example.org')
      await page.getByLabel('Password').fill('correct horse battery staple')
      await page.getByRole('button', { name: 'Create the owner' }).click()
      await page.waitForURL(`${url}/account?welcome`)
      await page.goto(url)
      await page.getByText('No server is connected yet').waitFor()
    })
    await withPage(url, async (page) => {
      await page.goto(link)
      await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    })
  })

  test('a person adds a server with the command shown, and removes it by an action that they approve', async (t) => {
    const { url, member } = await bootCentral(t)
    const anna = await member('anna')
    await withPage(url, async (page) => {
      await signIn(page, anna)
      await page.getByRole('link', { name: 'Add a server' }).click()
      await page.getByRole('button', { name: 'Create the command' }).click()
      const command = (await page.getByLabel('Install command').textContent()) ?? ''
      const token = /mtti_[\w.-]+/.exec(command)?.[0]
      const { csrPem } = await createCsr()
      const enrolled = await fetch(`${url}/v1/enrol`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ token, csr_pem: csrPem, hostname: 'web-1' }),
      })
      assert.equal(enrolled.status, 200)
      await page.getByText('web-1 has its certificate and is connecting').waitFor()

      await page.getByRole('link', { name: 'web-1' }).click()
      await page.getByRole('button', { name: 'Ask to decommission' }).click()
      await page.getByRole('heading', { name: 'Decommission a server' }).waitFor()
      await page.getByText('Nothing has run. A person must decide.').waitFor()
      await page.getByLabel('One-time code').fill(anna.code())
      await page.getByRole('button', { name: 'Approve' }).click()
      await page.locator('#state').getByText('Succeeded').waitFor()
      await page.goto(url)
      await page.getByText('No server is connected yet').waitFor()

      await page.goto(`${url}/audit?check=chain`)
      await page.getByText('The chain holds.').waitFor()
      await page.getByText('Server decommissioned').or(page.getByText('Action finished')).first().waitFor()
    })
  })

  test('a member signs in with a password and a code, is brought back, looks around, and signs out', async (t) => {
    const { url, member } = await bootCentral(t)
    const anna = await member('anna')
    await withPage(url, async (page) => {
      await page.goto(`${url}/audit`)
      assert.match(page.url(), /\/sign-in\?next=%2Faudit$/)
      await page.getByLabel('E-mail').fill(anna.email)
      await page.getByLabel('Password').fill(anna.password)
      await page.getByRole('button', { name: 'Sign in', exact: true }).click()
      await page.getByLabel(/code/i).first().fill(anna.code())
      await page.keyboard.press('Enter')
      await page.waitForURL(`${url}/audit`)
      for (const name of ['Servers', 'Approvals', 'Audit', 'Settings']) {
        await page.getByRole('navigation').getByRole('link', { name }).click()
        await page.getByRole('heading', { level: 1 }).waitFor()
        assert.equal(await sticksOut(page), false, name)
      }
      await page.goto(`${url}/account`)
      assert.equal(await sticksOut(page), false, 'account')
      await page.getByRole('button', { name: 'Sign out', exact: true }).first().click()
      await page.waitForURL(`${url}/sign-in`)
      await page.goto(`${url}/`)
      await page.waitForURL(`${url}/sign-in`)
    })
  })
})
