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
  /** What the page complained of: failed scripts, and whatever its policy refused. */
  readonly complaints: string[] = [];

  private constructor(
    readonly browser: Browser,
    readonly page: Page,
  ) {
    page.setDefaultTimeout(PATIENCE_MS);
    page.on('pageerror', ({ message }) => this.complaints.push(message));
    page.on('console', (said) => {
      // That a wrong key is refused is part of what is tested.
      if (said.type() === 'error' && !said.text().includes('401')) this.complaints.push(said.text());
    });
  }

  /** Nobody is signed in yet. */
  static async open(): Promise<AdminPage> {
    await mkdir(SCREENSHOTS, { recursive: true });
    const browser = await openBrowser();
    return new AdminPage(browser, await browser.newPage({ viewport: WIDE, colorScheme: 'light', reducedMotion: 'reduce' }));
  }

  get url(): string {
    return ready().admin.replace(/\/?$/, '/');
  }

  /** The address that signs in who follows it. */
  get urlWithKey(): string {
    return `${this.url}#key=${ready().adminKey}`;
  }

  async signIn(): Promise<void> {
    await this.page.goto(this.urlWithKey);
    await this.mainMenu().waitFor();
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

  close(): Promise<void> {
    return this.browser.close();
  }
}
