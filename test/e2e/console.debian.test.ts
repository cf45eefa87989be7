// The console in Debian's Chromium, on a real group: what it shows, how soon it shows a failover, what it lets nobody do, and how it
// looks. Pictures go to test/screenshots (ignored); those in docs/ are copies of them.
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { announcedPort, type Group, startGroup } from '../support/group.ts'
import { isInstalled, ROOT } from '../support/paths.ts'
import { callOnce } from '../support/resp.ts'
import { createScope, type Scope } from '../support/scope.ts'
import { httpUrlOf, type Running } from '../support/servers.ts'
import { eventually } from '../support/wait.ts'
import { watchEvents } from '../support/watch.ts'

const PICTURES = join(ROOT, 'test/screenshots')
const TOKEN = 'only-for-this-test-0123456789'
/** No promise of ours, but far more than it takes. */
const GENEROUS_MS = 20_000

interface Opened {
  readonly page: Page
  /** What went wrong in the page, and what it asked for elsewhere. */
  readonly complaints: string[]
}

describe.skipIf(!isInstalled('chromium'))('the console', () => {
  let browser: Browser
  let scope: Scope
  let group: Group
  let urls: string[]
  let lookers: { close(): Promise<void> }[]

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] })
    mkdirSync(PICTURES, { recursive: true })
  })
  afterAll(() => browser?.close())
  beforeEach(async () => {
    scope = createScope()
    lookers = []
    const file = join(scope.tempDir(), 'token')
    writeFileSync(file, `${TOKEN}\n`)
    const sentinelLines = ['http-port 0', `console-token-file ${file}`]
    group = await startGroup(scope, { servers: 'vedette', sentinels: 'vedette', sentinelLines })
    urls = await Promise.all(group.sentinels.map(httpUrlOf))
  })
  afterEach(async () => {
    await Promise.all(lookers.map((one) => one.close()))
    await scope.close()
  })

  async function open(url = urls[0]!, looks: Parameters<Browser['newContext']>[0] = {}): Promise<Opened> {
    const context = await browser.newContext({ viewport: { width: 1100, height: 900 }, ...looks })
    lookers.push(context)
    const page = await context.newPage()
    const complaints: string[] = []
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('console', (line) => line.type() === 'error' && complaints.push(line.text()))
    page.on('request', (request) => !request.url().startsWith(url) && complaints.push(`asked for ${request.url()}`))
    await page.goto(`${url}/`)
    await page.waitForSelector('main[data-primary]')
    await page.waitForFunction(() => document.querySelector('.link')?.textContent === 'live')
    return { page, complaints }
  }

  const primaryShown = (page: Page): Promise<string | null> => page.getAttribute('main', 'data-primary')

  it('shows on any sentinel who follows whom, who leads, and who would be promoted and why', async () => {
    for (const url of urls) {
      const { page, complaints } = await open(url)
      const text = await page.innerText('body')
      expect(text).toMatch(/3 of 3 sentinels up, 127\.0\.0\.1:\d+ leads, term \d+/)
      expect(text).toMatch(
        /If 127.0.0.1:\d+ died now, 127.0.0.1:\d+ would be promoted, because it comes first of all that could/,
      )
      expect(await page.locator('[data-role=primary]').count()).toBe(1)
      expect(await page.locator('.tree ul [data-role=replica]').count()).toBe(2)
      expect(await page.locator('.sentinel').count()).toBe(3)
      expect(text).toContain('No failover yet.')
      expect(complaints).toEqual([])
    }
  })

  it('shows a switch as it happens, and tells the failover step by step', async () => {
    const { page, complaints } = await open()
    const events = await watchEvents(scope, [group.sentinels[0]!])
    await page.evaluate(() => {
      const main = document.querySelector('main')!
      const before = main.getAttribute('data-primary')
      new MutationObserver(() => {
        if (main.getAttribute('data-primary') !== before)
          document.body.dataset.switchedAt ??= String(performance.timeOrigin + performance.now())
      }).observe(main, { attributes: true })
    })
    const before = await primaryShown(page)
    const killedAtMs = performance.timeOrigin + performance.now()
    await group.serverAt(Number(before!.split(':')[1])).proc.kill()
    await page.waitForFunction(() => document.body.dataset.switchedAt !== undefined, undefined, {
      timeout: GENEROUS_MS,
    })
    const seenAtMs = Number(await page.getAttribute('body', 'data-switched-at'))
    const told = await eventually('the switch is told', async () =>
      events.find(({ channel }) => channel === '+switch-master'),
    )
    const toldAtMs = performance.timeOrigin + told.atMs
    console.log(
      `the page showed the switch ${(seenAtMs - killedAtMs).toFixed(0)} ms after the kill, ${(seenAtMs - toldAtMs).toFixed(0)} ms after +switch-master`,
    )
    expect(await primaryShown(page)).toBe(`127.0.0.1:${await announcedPort(group.sentinels[0]!, group.name)}`)

    await page.waitForSelector('.history .failover', { timeout: GENEROUS_MS })
    // The line is there as soon as the failover begins; its end comes with the last phases.
    const story = await eventually('the failover is told to its end', async () => {
      const text = await page.innerText('.history .failover')
      return text.includes('announce') && / lost\./.test(text) ? text : undefined
    })
    for (const phase of ['detect', 'vote', 'choose', 'commit', 'promote', 'announce']) expect(story).toContain(phase)
    // The leader goes by the others' word when that is there before it has noticed itself.
    expect(story).toMatch(/The connection to|is down for others/)
    expect(story).toMatch(/was chosen, at offset [\d,]+\./)
    expect(story).toMatch(/bytes were lost|Nothing was lost/)
    await page.waitForFunction(() => document.querySelectorAll('.server.down').length === 1)
    expect(complaints).toEqual([])
    await page.screenshot({ path: join(PICTURES, 'console-light.png'), fullPage: true })
    await page.emulateMedia({ colorScheme: 'dark' })
    await page.screenshot({ path: join(PICTURES, 'console-dark.png'), fullPage: true })

    const phone = await open(urls[1]!, { viewport: { width: 390, height: 844 }, colorScheme: 'dark', isMobile: true })
    await phone.page.waitForSelector('.history .failover')
    expect(await phone.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0)
    await phone.page.screenshot({ path: join(PICTURES, 'console-phone.png') })
  })

  it('hands over for whoever has the token and types the name, with the keyboard alone', async () => {
    const { page, complaints } = await open()
    const before = await primaryShown(page)
    await page.locator('.switchover summary').focus()
    await page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
    await page.keyboard.type('a-wrong-token-0123456789')
    await page.keyboard.press('Tab')
    await page.keyboard.type(group.name)
    await page.keyboard.press('Enter')
    await page.waitForSelector('text=Refused: the token is wrong.')
    expect(await primaryShown(page)).toBe(before)
    expect(complaints.splice(0)).toHaveLength(1)

    await page.locator('.switchover input[type=password]').fill(TOKEN)
    expect(await page.locator('.switchover button').isDisabled()).toBe(true)
    await page.locator('.switchover input:not([type=password])').fill(group.name)
    await page.keyboard.press('Enter')
    await page.waitForSelector('text=Asked for: it goes on.')
    await page.waitForFunction((old) => document.querySelector('main')?.dataset.primary !== old, before, {
      timeout: GENEROUS_MS,
    })
    await page.waitForSelector('text=Nothing was lost.')
    expect(complaints).toEqual([])
  })

  it('finds a group among many, and says what became of a sentinel that answers no more', async () => {
    const { page } = await open()
    const [{ port }] = group.servers as [Running]
    for (const name of ['orders', 'carts', 'sessions'])
      expect(
        await callOnce(group.sentinels[1]!.port, 'SENTINEL', 'MONITOR', name, '127.0.0.1', String(port), '2'),
      ).toBe('OK')
    await page.waitForFunction(() => document.querySelectorAll('nav li').length === 4)
    await page.locator('nav input').fill('CART')
    expect(await page.locator('nav li').allInnerTexts()).toEqual([expect.stringContaining('carts')])
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await page.waitForSelector('main[data-group=carts]')
    await group.sentinels[0]!.proc.kill()
    await page.waitForFunction(() => document.querySelector('.link')?.textContent === 'no answer')
  })

  it('is small, and lets in nothing from elsewhere', async () => {
    const answer = await fetch(`${urls[0]}/`)
    const body = await answer.text()
    console.log(`the page has ${Buffer.byteLength(body)} bytes`)
    expect(Buffer.byteLength(body)).toBeLessThan(60_000)
    const policy = answer.headers.get('content-security-policy')!
    expect(policy).toMatch(
      /^default-src 'none'; script-src 'sha256-[^ ']+'; style-src 'sha256-[^ ']+'; connect-src 'self';/,
    )
    expect(policy).not.toContain('unsafe')
    expect(body).not.toMatch(/(src|href)="(?!data:)/)
  })
})

it('the pictures of the documentation are small', () => {
  for (const name of ['console-light', 'console-dark', 'console-phone']) {
    const path = join(ROOT, `docs/${name}.png`)
    expect(readFileSync(path).subarray(1, 4).toString()).toBe('PNG')
    expect(statSync(path).size).toBeLessThan(150_000)
  }
})
