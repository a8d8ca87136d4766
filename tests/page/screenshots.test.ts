import { mkdirSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { longForm } from '../reliability/longForm.ts';
import { servePage } from '../support/servePage.ts';
import { metadataOfCall, type StoredCalls, transcriptOf } from '../support/storedCalls.ts';
import { hasBrowser, openWindow, useBrowser } from './browser.ts';
import { AGENT, exampleCalls } from './exampleCalls.ts';

useBrowser();

const MOST_BYTES = 150_000;
const folder = new URL('../../docs/images/', import.meta.url);

/** `npm run screenshots` writes them for the pages under docs/; else they are only taken. */
test.runIf(hasBrowser)('the list and a call can be shown in pictures of a usual size', async () => {
  const stored = await exampleCalls();
  await putOthers(stored);
  const view = { viewport: { width: 1180, height: 760 }, timezoneId: 'Europe/Amsterdam', locale: 'en-GB' };
  const { url } = await servePage(stored, (context) => ({
    ...context,
    about: { ...context.about, storage: 'local storage on port 10000' },
  }));
  const page = await openWindow(url, view);
  await page.getByText('12 calls', { exact: true }).waitFor();
  const list = await page.screenshot();
  await page.getByRole('link', { name: '0:36' }).click();
  await page.getByRole('button', { name: 'Play from 0:14' }).click();
  await page.locator('.turn[aria-current]').getByText('Good news').waitFor();
  await page.locator('audio').evaluate((sound: { pause: () => void; currentTime: number }) => {
    sound.pause();
    sound.currentTime = 15;
  });
  await page.getByText('of the waveform is read').waitFor({ state: 'detached' });
  const call = await page.screenshot();
  const pictures = { calls: list, call };
  for (const [name, bytes] of Object.entries(pictures)) {
    expect([name, bytes.length < MOST_BYTES]).toEqual([name, true]);
    if (longForm('screenshots') === undefined) continue;
    mkdirSync(folder, { recursive: true });
    writeFileSync(new URL(`${name}.png`, folder), bytes);
  }
});

/** Eight more, so that the list looks like one. */
async function putOthers(stored: StoredCalls): Promise<void> {
  for (let index = 0; index < 8; index++) {
    const conversation = `conv_other_${index}`;
    const metadata = metadataOfCall(conversation, {
      agent_id: AGENT,
      call_external_number: `+120255501${String(37 * index + 10)
        .padStart(2, '0')
        .slice(-2)}`,
      call_started_at: new Date(Date.parse('2026-11-23T13:20:00.000Z') - index * 3_170_000).toISOString(),
      call_duration_seconds: String(40 + 67 * index),
      call_successful: index === 3 ? 'failure' : 'success',
    });
    await stored.put('transcripts', `${AGENT}/${conversation}.json`, transcriptOf(conversation, 'Hello.'), metadata);
    await stored.put('audio', `${AGENT}/${conversation}.mp3`, 'sound');
  }
}
