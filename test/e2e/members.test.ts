// A second person, from the invitation to the first decision: in a real browser against the real Central, where policy
// demands that somebody else than who asked approves.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Secret, TOTP } from 'otpauth'
import type { Browser, Page } from 'playwright-core'
import { bootCentral } from '../helpers/boot-central.ts'
import { noBrowser, openBrowser, openContext, sticksOut } from '../helpers/browser.ts'
import { createCsr } from '../helpers/csr.ts'
import type { Person } from '../helpers/person.ts'

const STEP = 30_000

/** Real time plus what the test adds, so that each one-time code has a step of its own. */
function movingClock() {
  let ahead = 0
  return {
    now: () => Date.now() + ahead,
    next: () => {
      ahead += STEP
    },
  }
}

describe('members of a real Central', { skip: noBrowser }, () => {
  let browser: Browser
  before(async () => {
    browser = await openBrowser()
  })
  after(() => browser?.close())

  /** A person's own browser, at phone width. */
  async function openPage(url: string): Promise<{ page: Page; faults: string[] }> {
    const { context, faults } = await openContext(browser, url, { viewport: { width: 390, height: 844 } })
    return { page: await context.newPage(), faults }
  }

  async function signIn(page: Page, { url, email, password }: Person, code: string): Promise<void> {
    await page.goto(`${url}/sign-in`)
    await page.getByLabel('E-mail').fill(email)
    await page.getByLabel('Password').fill(password)
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await page.getByLabel('One-time code').fill(code)
    await page.keyboard.press('Enter')
    await page.waitForURL(`${url}/`)
  }

  /** A server that has its certificate and no agent, so that Central can decommission it by itself. */
  async function enrol(page: Page, url: string): Promise<void> {
    await page.goto(`${url}/servers/add`)
    await page.getByRole('button', { name: 'Create the command' }).click()
    const command = (await page.getByLabel('Install command').textContent()) ?? ''
    const token = /mtti_[\w.-]+/.exec(command)?.[0]
    const { csrPem } = await createCsr()
    const body = JSON.stringify({ token, csr_pem: csrPem, hostname: 'web-1' })
    const enrolled = await fetch(`${url}/v1/enrol`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    })
    assert.equal(enrolled.status, 200)
    await page.getByRole('link', { name: 'web-1' }).click()
  }

  test('an owner invites, the person joins, enrols, and approves what the owner may not approve alone', async (t) => {
    const clock = movingClock()
    const { url, member, central, workspaceId } = await bootCentral(t, { outside: { clock } })
    const anna = await member('anna')
    const code = () => {
      clock.next()
      return anna.code()
    }
    const { page: hers, faults } = await openPage(url)
    await signIn(hers, anna, code())

    await hers.goto(`${url}/settings`)
    await hers.getByLabel('Two persons').check()
    await hers.getByLabel('One-time code').fill(code())
    await hers.getByRole('button', { name: 'Save' }).click()
    await hers.getByText('Saved.').waitFor()

    await hers.getByRole('link', { name: 'Invite a person' }).click()
    await hers.getByLabel('E-mail').fill('ben@example.org')
    await hers.getByLabel('Role').selectOption('approver')
    await hers.getByLabel('One-time code').fill(code())
    assert.equal(await sticksOut(hers), false)
    await hers.getByRole('button', { name: 'Make the link' }).click()
    const link = (await hers.getByLabel('Invitation link').textContent()) ?? ''
    assert.match(link, /\/join#[\w-]{43}$/)
    assert.equal(await sticksOut(hers), false)
    await hers.getByRole('link', { name: 'I have passed it on' }).click()
    await hers.locator('#invitations').getByText('ben@example.org').waitFor()

    const { page: his, faults: hisFaults } = await openPage(url)
    await his.goto(link)
    await his.getByRole('heading', { name: 'Join My servers' }).waitFor()
    assert.equal(await his.getByLabel('E-mail').inputValue(), 'ben@example.org')
    assert.ok(!his.url().includes('#'))
    assert.equal(await sticksOut(his), false)
    const password = 'several plain words of his'
    await his.getByLabel('Password').fill(password)
    await his.getByRole('button', { name: 'Join', exact: true }).click()
    await his.waitForURL(`${url}/account?joined`)
    await his.getByText('You have joined.').waitFor()
    await his.locator('#totp').getByRole('button', { name: 'Set up' }).click()
    const secret = (await his.locator('[data-totp-secret]').textContent()) ?? ''
    const app = new TOTP({ secret: Secret.fromBase32(secret) })
    const hisCode = () => {
      clock.next()
      return app.generate({ timestamp: clock.now() })
    }
    await his.locator('#totp').getByLabel('Code').fill(hisCode())
    await his.getByRole('button', { name: 'Confirm' }).click()
    await his.getByRole('heading', { name: 'Your recovery codes' }).waitFor()

    await enrol(hers, url)
    await hers.getByRole('button', { name: 'Ask to decommission' }).click()
    await hers.getByText('Nothing has run. A person must decide.').waitFor()
    const action = hers.url()
    assert.equal(await hers.getByRole('button', { name: 'Approve' }).count(), 0)
    // News reach the page that shows the codes; they stay, and the form behind it is not sent again.
    await his.locator('#pending').getByText('1').waitFor()
    await his.getByRole('heading', { name: 'Your recovery codes' }).waitFor()

    await his.goto(action)
    await his.getByLabel('One-time code').fill(hisCode())
    await his.getByRole('button', { name: 'Approve' }).click()
    await his.locator('#state').getByText('Succeeded').waitFor()
    await hers.locator('#state').getByText('Succeeded').waitFor()

    const { page: late, faults: lateFaults } = await openPage(url)
    await late.goto(link)
    await late.getByText('This invitation has been used.').waitFor()

    const lines = (await central.audit.list(workspaceId, { limit: 100 })).map(({ body }) => body)
    const said = lines.filter(({ event }) => event === 'account.changed').map(({ resource }) => resource)
    assert.deepEqual(said.toReversed(), ['created', 'invitations', 'joined', 'totp', 'totp/confirm'])
    for (const event of ['policy.changed', 'server.token_created', 'account.signed_in'] as const)
      assert.ok(
        lines.some((line) => line.event === event),
        event,
      )
    const decided = lines.find(({ event }) => event === 'action.decided')
    assert.equal(decided?.actor.email, 'ben@example.org')
    const text = JSON.stringify(lines)
    for (const hidden of [link.split('#')[1] ?? '', password, secret, anna.password]) assert.ok(!text.includes(hidden))
    assert.deepEqual([faults, hisFaults], [[], []])
    // The browser itself says that a form was answered with 422.
    assert.ok(lateFaults.every((fault) => fault.includes('422')))
  })
})
