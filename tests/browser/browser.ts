import chromium from '@sparticuz/chromium';
import { type Browser, chromium as driver } from 'playwright-core';

/**
 * Keeps the browser from calling anybody but the system under test, and from drawing on a graphics card that is not there.
 * Not the package's own arguments: they are made for one page in a small sandbox, in one process which ends with the
 * first page that closes, and they switch off what the page's policy must withstand.
 */
const ARGUMENTS = [
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-gpu',
  '--disable-quic',
  '--disable-sync',
  '--font-render-hinting=none',
  '--no-first-run',
  '--no-sandbox',
];

/** A real Chromium: the one inside the npm package on Linux, an installed Chrome elsewhere. */
export async function openBrowser(): Promise<Browser> {
  if (process.platform !== 'linux') return driver.launch({ channel: 'chrome', args: ARGUMENTS });
  return driver.launch({ executablePath: await chromium.executablePath(), args: ARGUMENTS });
}
