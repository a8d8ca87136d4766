import { BlobServiceClient } from '@azure/storage-blob';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, onTestFinished } from 'vitest';
import { BlobStorage } from '../../src/lib/storage/blobStorage.ts';
import { pageContext } from '../../tools/cli/calls/page/context.ts';
import type { PageContext } from '../../tools/cli/calls/page/routes.ts';
import { type RunningPage, startPage } from '../../tools/cli/calls/page/server.ts';
import type { StorageAccess } from '../../tools/cli/storageAccess.ts';
import type { StoredCalls } from '../support/storedCalls.ts';

let browser: Browser;

/** One browser for a test file. */
export function useBrowser(): void {
  beforeAll(async () => {
    const executablePath = inject('chromium');
    if (executablePath === undefined) return;
    // As root Chromium starts only without its sandbox; what it shows here is our own.
    const args = ['--mute-audio', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])];
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

/** Storage with these areas, as a command opens it. */
export function accessTo(stored: StoredCalls): StorageAccess {
  const service = BlobServiceClient.fromConnectionString(inject('storage'), { retryOptions: { maxTries: 1 } });
  return {
    storage: new BlobStorage(service, { totalMs: 10_000, tryMs: 10_000 }),
    areas: stored.areas,
    settings: stored.settings,
    name: 'the storage of a test',
    isAzure: false,
    explained: (error) => error,
  };
}

/** Serves the page of what is stored. The test fails when the server does what it should not. */
export async function servePage(
  stored: StoredCalls,
  change: (context: PageContext) => PageContext = (context) => context,
): Promise<RunningPage> {
  const bugs: unknown[] = [];
  const served = await startPage({
    port: 0,
    open: async () => change(pageContext(accessTo(stored), {})),
    onBug: (error) => bugs.push(error),
  });
  onTestFinished(async () => {
    await served.close();
    expect(bugs).toEqual([]);
  });
  return served;
}

/** The page of what is stored, in a window. */
export async function openPage(stored: StoredCalls, options: BrowserContextOptions = {}): Promise<Page> {
  const { url } = await servePage(stored);
  return openWindow(url, options);
}
