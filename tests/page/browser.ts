import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, onTestFinished } from 'vitest';
import { servePage } from '../support/servePage.ts';
import type { StoredCalls } from '../support/storedCalls.ts';

/** What a window has around the page and behind it: half of all that Chromium computes, and nobody sees it. */
const NOT_NEEDED = ['WebUIOmniboxPopup', 'WebUIOmniboxAimPopup', 'SpareRendererForSitePerProcess'];

let browser: Browser;

/** One browser for a test file. */
export function useBrowser(): void {
  beforeAll(async () => {
    const executablePath = inject('chromium');
    if (executablePath === undefined) return;
    // As root Chromium starts only without its sandbox; what it shows here is our own.
    const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
    const args = ['--mute-audio', `--disable-features=${NOT_NEEDED.join(',')}`, ...sandbox];
    browser = await chromium.launch({ executablePath, args });
  });
  afterAll(() => browser?.close());
}

/** What the tests of a file ask when there is no browser: see `chromium.setup.ts`. */
export const hasBrowser = inject('chromium') !== undefined;

/** A window of its own. The test fails when the page writes an error to its console, as for everything that its policy forbids. */
export async function openWindow(url: string, options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, ...options });
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    const isAnswer = message.text().startsWith('Failed to load resource'); // a status that the page deals with
    if (message.type() === 'error' && !isAnswer) errors.push(message.text());
  });
  page.on('dialog', (dialog) => errors.push(`a dialog: ${dialog.message()}`));
  onTestFinished(async () => {
    await context.close();
    expect(errors).toEqual([]);
  });
  await page.goto(url);
  return page;
}

/** The page of what is stored, in a window. */
export async function openPage(stored: StoredCalls, options: BrowserContextOptions = {}): Promise<Page> {
  const { url } = await servePage(stored);
  return openWindow(url, options);
}
