import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';

import { ready } from '../e2e/ready.ts';
import { openBrowser } from './browser.ts';

const SCREENSHOTS = join('tests', 'browser', 'screenshots');
export const PATIENCE_MS = 30_000;
export const WIDE = { width: 1360, height: 900 };
export const NARROW = { width: 400, height: 860 };

/** The admin page of the system that is ready, in a browser of its own. */
export class AdminPage {
  /** What the page complained of: failed scripts, whatever its policy refused, and what the key in use may not do. */
  readonly complaints: string[] = [];
  #opened: { browser: Browser; page: Page } | undefined;

  /** Nobody is signed in yet. */
  async open(): Promise<void> {
    await mkdir(SCREENSHOTS, { recursive: true });
    const browser = await openBrowser();
    const page = await browser.newPage({ viewport: WIDE, colorScheme: 'light', reducedMotion: 'reduce' });
    page.setDefaultTimeout(PATIENCE_MS);
    page.on('pageerror', ({ message }) => this.complaints.push(message));
    page.on('console', (said) => {
      // That a wrong key is refused is part of what is tested.
      if (said.type() === 'error' && !said.text().includes('401')) this.complaints.push(said.text());
    });
    this.#opened = { browser, page };
  }

  get browser(): Browser {
    return this.#there.browser;
  }

  get page(): Page {
    return this.#there.page;
  }

  get #there(): { browser: Browser; page: Page } {
    if (!this.#opened) throw new Error('The page is not open.');
    return this.#opened;
  }

  get url(): string {
    return ready().admin.replace(/\/?$/, '/');
  }

  /** The address that signs in who follows it. */
  get urlWithKey(): string {
    return `${this.url}#key=${ready().adminKey}`;
  }

  /** Whoever was signed in is not any more. */
  async signIn(key = ready().adminKey): Promise<void> {
    // Another fragment alone would load nothing.
    await this.page.goto('about:blank');
    await this.page.goto(`${this.url}#key=${key}`);
    await this.mainMenu().waitFor();
  }

  /** Goes to a place by its address, as by a link that somebody sent. */
  async follow(place: string): Promise<void> {
    await this.page.evaluate(`location.hash = ${JSON.stringify(`#${place}`)}`);
  }

  mainMenu(): ReturnType<Page['getByRole']> {
    return this.page.getByRole('navigation', { name: 'Main' });
  }

  menu(name: string): Promise<void> {
    return this.mainMenu().getByRole('link', { name }).click();
  }

  /** Goes there and waits until all of it is shown. */
  async visit(place: string): Promise<void> {
    await this.menu(place);
    await this.page.getByRole('heading', { level: 1, name: place }).waitFor();
    await this.page.locator('.bones').first().waitFor({ state: 'detached' });
  }

  region(name: string | RegExp): ReturnType<Page['getByRole']> {
    return this.page.getByRole('region', { name });
  }

  shoot(name: string): Promise<unknown> {
    return this.page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true });
  }

  /** Pixels by which the page is wider than its window. */
  cutOff(): Promise<number> {
    return this.page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth');
  }

  /** The rules of accessibility that the page as it stands breaks, with where. */
  async brokenRules(): Promise<string[]> {
    await this.page.evaluate(axe.source);
    const { violations } = await this.page.evaluate<{ violations: { id: string; nodes: { target: string[] }[] }[] }>('axe.run(document, { resultTypes: ["violations"] })');
    return violations.map(({ id, nodes }) => `${id} at ${nodes.map(({ target }) => target.join(' ')).join(', ')}`);
  }

  async close(): Promise<void> {
    await this.#opened?.browser.close();
  }
}

/** The admin page for all tests of a file: open before the first of them, with an administrator signed in (`key`: of another workspace) unless that is tested, and closed after the last. */
export function adminPage({ isSignedIn = true, key }: { isSignedIn?: boolean; key?: () => Promise<string> } = {}): AdminPage {
  const admin = new AdminPage();
  beforeAll(async () => {
    await admin.open();
    if (isSignedIn) await admin.signIn(await key?.());
  }, 120_000);
  afterAll(() => admin.close());
  return admin;
}
