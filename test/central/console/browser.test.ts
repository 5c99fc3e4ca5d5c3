// The console in a real browser: what only scripts and a layout engine can show.
import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { after, before, describe, test } from 'node:test'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { addCookie, noBrowser, openBrowser, openContext, sticksOut } from '../../helpers/browser.ts'
import { person } from '../../helpers/principals.ts'
import { type Booted, bootConsole, type Person, server } from './boot-console.ts'

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => probe.once('listening', resolve))
  const address = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}

describe('console in a browser', { skip: noBrowser }, () => {
  let browser: Browser
  let central: Booted
  let anna: Person
  before(async () => {
    browser = await openBrowser()
    const port = await freePort()
    central = await bootConsole({ origin: `http://localhost:${port}`, start: Date.now() })
    await central.app.listen({ port, host: '127.0.0.1' })
    anna = await central.signIn('usr_anna')
  })
  after(async () => {
    await browser?.close()
    await central?.close()
  })

  /** Runs `use` with a page of Anna's; fails when the page complained about anything. */
  async function withPage(use: (page: Page) => Promise<void>, options: BrowserContextOptions = {}): Promise<void> {
    const { context, faults } = await openContext(browser, central.origin, options)
    await addCookie(context, central.origin, anna.cookie)
    await use(await context.newPage())
    await context.close()
    assert.deepEqual(faults, [])
  }

  const open = (page: Page, path: string) => page.goto(central.origin + path)
  const approve = ({ id, digest }: { id: string; digest: string }) =>
    central.approvals.decide({
      by: person({ userId: 'usr_ben', email: 'ben@example.org' }),
      actionId: id,
      decision: 'approve',
      proof: 'passkey',
      digest,
    })
  /** A new step, so that each test has a code of its own. */
  const nextCode = () => {
    central.clock.advance(30_000)
    return anna.code()
  }
  /** Marks the document, so that a reload would show. */
  const mark = (page: Page) => page.evaluate('globalThis.notReloaded = true')
  const mustNotHaveReloaded = async (page: Page) => assert.equal(await page.evaluate('globalThis.notReloaded'), true)

  test('every page stays within a phone and asks for nothing from elsewhere, light and dark', async () => {
    const { id } = await central.ask(`echo ${'x'.repeat(3000)}\u202e${'"'.repeat(300)}`, { reason: 'y'.repeat(2000) })
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const viewport of [
        { width: 320, height: 640 },
        { width: 390, height: 844 },
        { width: 1280, height: 800 },
      ]) {
        await withPage(
          async (page) => {
            for (const path of [
              '/',
              '/servers/srv_1',
              '/servers/add',
              '/approvals',
              `/approvals/${id}`,
              '/audit?check=1',
              '/settings',
              '/settings/invite',
              '/settings/members/usr_ben',
              '/join',
            ]) {
              await open(page, path)
              assert.equal(await sticksOut(page), false, `${path} at ${viewport.width}`)
            }
          },
          { viewport, colorScheme },
        )
      }
    }
  })

  test('every field has a label and every page a heading and a title', async () => {
    const { id } = await central.ask()
    await withPage(async (page) => {
      for (const path of [
        '/',
        '/servers/srv_1',
        '/servers/add',
        '/approvals',
        `/approvals/${id}`,
        '/audit',
        '/settings',
        '/settings/invite',
        '/settings/members/usr_ben',
        '/join',
      ]) {
        await open(page, path)
        const unlabelled = await page.$$eval('input:not([type=hidden]), select, textarea', (fields) =>
          fields
            .filter((field) => !('labels' in field) || (field.labels as ArrayLike<unknown>).length === 0)
            .map((field) => field.outerHTML),
        )
        assert.deepEqual(unlabelled, [], path)
        assert.equal(await page.locator('h1').count(), 1, path)
      }
    })
  })

  test('the list of servers follows without a reload', async () => {
    await withPage(async (page) => {
      await open(page, '/')
      await page.getByText('1 of 1 online').waitFor()
      await mark(page)
      central.fleet.servers = [server({ online: false })]
      central.bus.publish('presence', { server_id: 'srv_1', online: false })
      await page.getByText('0 of 1 online').waitFor()
      await page.locator('#servers').getByText('Offline').waitFor()
      await mustNotHaveReloaded(page)
      central.fleet.servers = [server()]
    })
  })

  test('a new action appears in the list and beside Approvals without a reload', async () => {
    await withPage(async (page) => {
      await open(page, '/approvals')
      await mark(page)
      await central.ask('touch /tmp/appears-by-itself')
      await page.getByText('touch /tmp/appears-by-itself').waitFor()
      await mustNotHaveReloaded(page)
    })
  })

  test('the page that waits for a new server shows it when it is there', async () => {
    await withPage(async (page) => {
      await open(page, '/servers/add')
      await page.getByRole('button', { name: 'Create the command' }).click()
      await page.getByText('Waiting for the server').waitFor()
      await mark(page)
      central.fleet.servers = [
        server(),
        server({ id: 'srv_new', name: 'brand-new', createdAt: central.clock.now() + 1 }),
      ]
      await page.getByText('brand-new is connected').waitFor()
      await mustNotHaveReloaded(page)
      central.fleet.servers = [server()]
    })
  })

  test('a person approves with a code and sees it run and end, output and all', async () => {
    const action = await central.ask('systemctl restart nginx')
    await withPage(async (page) => {
      await open(page, `/approvals/${action.id}`)
      await page.getByLabel('One-time code').fill(nextCode())
      await page.getByRole('button', { name: 'Approve' }).click()
      await page.locator('#state').getByText('Approved, not started').waitFor()
      assert.equal(await page.getByLabel('Output', { exact: true }).isVisible(), false)
      await mark(page)

      await central.actions.move(action.id, 'approved', 'running', { started_at: central.clock.now() })
      central.bus.publish(`action:${action.id}`, { state: 'running' })
      await page.locator('#state').getByText('It is running on the server now.').waitFor()
      await central.actions.appendOutput(action.id, 0, Buffer.from('first <b>line</b>\n'))
      await page.getByText('first <b>line</b>').waitFor()
      await central.actions.appendOutput(action.id, 18, Buffer.from('second line\n'))
      await page.getByText('second line').waitFor()

      await central.actions.move(action.id, 'running', 'failed', {
        finished_at: central.clock.now(),
        outcome: { exit_code: 3 },
      })
      central.bus.publish(`action:${action.id}`, { state: 'failed' })
      await page.locator('#state').getByText('Failed', { exact: true }).waitFor()
      assert.equal(await page.locator('#output pre').textContent(), 'first <b>line</b>\nsecond line\n')
      await mustNotHaveReloaded(page)
    })
  })

  test('when another person decides, the page says so and takes the form away', async () => {
    const action = await central.ask()
    await withPage(async (page) => {
      await open(page, `/approvals/${action.id}`)
      await page.getByLabel('One-time code').fill('123')
      await mark(page)
      await approve(action)
      await page.getByText('Approved by ben@example.org').waitFor()
      assert.equal(await page.getByLabel('One-time code').count(), 0)
      await mustNotHaveReloaded(page)
    })
  })

  test('what is being typed survives news that does not concern it', async () => {
    const action = await central.ask()
    await withPage(async (page) => {
      await open(page, `/approvals/${action.id}`)
      const field = page.getByLabel('One-time code')
      await field.fill('123')
      const { id } = await central.ask('touch /tmp/another')
      // The number beside Approvals has moved, so the page has been asked for again.
      const waiting = (await central.approvals.list('wsp_1', { state: ['pending_approval'], limit: 100 })).length
      await page.locator('#pending').getByText(String(waiting)).waitFor()
      assert.equal(await field.inputValue(), '123')
      assert.ok(id)
    })
  })

  test('a passkey approves one action, and its answer approves no other', async () => {
    const [action, other] = [await central.ask('touch /tmp/one'), await central.ask('touch /tmp/two')]
    await withPage(async (page) => {
      const authenticator = await page.context().newCDPSession(page)
      await authenticator.send('WebAuthn.enable')
      await authenticator.send('WebAuthn.addVirtualAuthenticator', {
        options: {
          protocol: 'ctap2',
          transport: 'internal',
          hasResidentKey: true,
          hasUserVerification: true,
          isUserVerified: true,
        },
      })
      await open(page, `/approvals/${action.id}`)
      assert.equal(await page.getByRole('button', { name: 'Approve with a passkey' }).count(), 0)
      const options = await central.identity.passkeys.registrationOptions({ id: 'usr_anna', email: 'anna@example.org' })
      const made = await page.evaluate(
        `SimpleWebAuthnBrowser.startRegistration({ optionsJSON: ${JSON.stringify(options)} })`,
      )
      const registered = await central.identity.passkeys.register(
        'usr_anna',
        made as Parameters<typeof central.identity.passkeys.register>[1],
        'Test key',
      )
      assert.ok(registered?.approver, 'a key that a host can check')

      await page.reload()
      const sent = page.waitForRequest(
        (request) => request.method() === 'POST' && request.url().endsWith(`/approvals/${action.id}`),
      )
      await page.getByRole('button', { name: 'Approve with a passkey' }).click()
      const form = new URLSearchParams((await sent).postData() ?? '')
      await page.getByText('with a passkey,').waitFor()
      const decided = await central.approvals.get('wsp_1', action.id)
      assert.deepEqual([decided.state, decided.decision?.proof], ['approved', 'passkey'])

      form.set('digest', other.digest)
      const replayed = await central.app.inject({
        method: 'POST',
        url: `/approvals/${other.id}`,
        headers: {
          cookie: anna.cookie,
          'sec-fetch-site': 'same-origin',
          'content-type': 'application/x-www-form-urlencoded',
        },
        payload: form.toString(),
      })
      assert.equal(replayed.statusCode, 422)
      assert.equal((await central.approvals.get('wsp_1', other.id)).state, 'pending_approval')
    })
  })

  test('without scripts a person still reads, approves with a code, and gets the output', async () => {
    const action = await central.ask('touch /tmp/no-scripts')
    await withPage(
      async (page) => {
        await open(page, `/approvals/${action.id}`)
        assert.equal(await page.getByRole('button', { name: 'passkey' }).count(), 0)
        await page.getByLabel('One-time code').fill(nextCode())
        await page.getByRole('button', { name: 'Approve' }).click()
        await page.locator('#state').getByText('Approved, not started').waitFor()
        await central.actions.move(action.id, 'approved', 'running', { started_at: central.clock.now() })
        await page.reload()
        assert.equal(await page.getByText('The output, as a file').isVisible(), true)
      },
      { javaScriptEnabled: false },
    )
  })

  test('news ends with the session, and the page goes to sign in', async () => {
    await withPage(async (page) => {
      const ben = await central.signIn('usr_ben')
      await page.context().clearCookies()
      await addCookie(page.context(), central.origin, ben.cookie)
      await open(page, '/')
      await page.getByText('1 of 1 online').waitFor()
      await central.identity.sessions.endAll('usr_ben')
      central.bus.publish('presence', { server_id: 'srv_1', online: true })
      await page.waitForURL('**/sign-in')
    })
  })
})
