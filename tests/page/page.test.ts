import { describe, expect, test } from 'vitest';
import { servePage } from '../support/servePage.ts';
import { metadataOfCall, storedCalls, transcriptOf } from '../support/storedCalls.ts';
import { hasBrowser, openPage, openWindow, useBrowser } from './browser.ts';
import { AGENT, CALL, exampleCalls } from './exampleCalls.ts';

useBrowser();

const inCall = (conversation: string, agent = AGENT) => `#/calls/${agent}/${conversation}`;

describe.runIf(hasBrowser)('the page of the calls', () => {
  test('lists calls by day, in the time of the browser, with what failed and what is missing', async () => {
    const page = await openPage(await exampleCalls(), { timezoneId: 'Asia/Tokyo', locale: 'en-GB' });
    await page.getByText('4 calls', { exact: true }).waitFor();
    const rows = await page.locator('.list li').allInnerTexts();
    expect(rows.map((row) => row.replace(/\s+/g, ' ').trim())).toEqual([
      'Monday, 23 November 2026',
      '23:05 +31612345678 1:00 outbound not successful no recording',
      '17:00 conv_untold no transcript',
      'Sunday, 22 November 2026',
      '19:00 +12025550187 not connected: busy',
      '18:30 +12025550187 0:36 inbound successful',
    ]);
  });

  test('finds a number while one types, and what was said after Enter', async () => {
    const page = await openPage(await exampleCalls());
    const words = page.getByRole('searchbox', { name: 'words that were said' });
    await words.fill('+31 6 1234');
    await page.getByText('1 call of 4.').waitFor();
    await words.fill('CONTACTLESS');
    await page.getByText('0 calls of 4. Enter searches what was said.').waitFor();
    await words.press('Enter');
    await page.getByText('2 calls of 4.').waitFor();
    await page.getByText('Filters').click();
    await page.getByLabel('Result').selectOption('Something is missing');
    await page.getByText('1 call of 4.').waitFor();
    await page.getByLabel('To').fill('2026-11-22');
    await page.getByText('0 calls of 4.').waitFor();
  });

  test('finds what was said also when Enter follows the last letter at once', async () => {
    const page = await openPage(await exampleCalls());
    const words = page.getByRole('searchbox', { name: 'words that were said' });
    await words.evaluate(async (element: { value: string; form: { requestSubmit(): void } } & EventTarget) => {
      element.value = 'CONTACTLESS';
      element.dispatchEvent(new Event('input', { bubbles: true }));
      await new Promise<void>((resolve) => queueMicrotask(resolve));
      element.form.requestSubmit();
    });
    await page.getByText('2 calls of 4.').waitFor();
  });

  test('plays a recording, draws its waveform, marks the turn that is heard, and goes to the one that is chosen', async () => {
    const page = await openPage(await exampleCalls());
    await page.getByRole('link', { name: '0:36' }).click();
    const sound = page.locator('audio');
    const seconds = () => sound.evaluate((element: { currentTime: number }) => element.currentTime);
    await page.getByRole('button', { name: 'Play from 0:00' }).click();
    await expect.poll(seconds).toBeGreaterThan(0.3);
    const heard = page.locator('.turn[aria-current]');
    expect(await heard.innerText()).toContain('Hello, this is Bluebird Cycles');
    await page.getByText('can I pay by card?').click();
    await expect.poll(seconds).toBeGreaterThanOrEqual(22);
    await expect.poll(() => heard.innerText()).toContain('can I pay by card?');
    await sound.evaluate((element: { pause: () => void }) => element.pause());
    await expect.poll(() => drawnPixels(page)).toBeGreaterThan(1_000);
    await page.locator('.waveform').click({ position: { x: 5, y: 30 } });
    await expect.poll(seconds).toBeLessThan(2);
    await expect.poll(() => heard.innerText()).toContain('Hello, this is Bluebird Cycles');
  });

  test('tells everything else of a call: summary, evaluation, data, tools, costs, details, raw text', async () => {
    const page = await openPage(await exampleCalls());
    await page.getByRole('link', { name: '0:36' }).click();
    const article = page.getByRole('article');
    await article.getByRole('heading', { name: 'Repair ready for collection' }).waitFor();
    const text = (await article.innerText()).replace(/\s+/g, ' ');
    for (const part of [
      'Robin asked whether repair R-2291 was ready.',
      'answered_question success',
      'order_number R-2291',
      'Tool find_repair_order',
      'in all 214 credits · $0.0428',
      'language models 4 credits · $0.00086',
      'begun (billed) gemini-2.5-flash 5284 122 $0.000866',
      'completed gemini-2.5-flash 5284 122 $0.000866',
      'main language en',
      'phone call › agent number +12025550142',
    ]) {
      expect(text).toContain(part);
    }
    await article.getByText('Raw text').first().click();
    await expect.poll(() => article.locator('.raw').first().innerText()).toContain('"type": "post_call_transcription"');
  });

  test('a call that was not connected says why, and of others it is said what is missing', async () => {
    const page = await openPage(await exampleCalls());
    await page.getByRole('link', { name: 'not connected' }).click();
    await page.getByRole('heading', { name: 'Why the call was not made' }).waitFor();
    expect(await page.getByRole('article').innerText()).toContain('INVITE failed: sip status: 486: Busy here');
    expect(await page.locator('audio').count()).toBe(0);
    await page.getByRole('link', { name: 'no recording' }).click();
    await page.getByText('The recording is missing: the transcript says that there is one').waitFor();
    await page.getByRole('link', { name: 'no transcript' }).click();
    await page.getByText('The transcript is missing: only a recording is stored.').waitFor();
  });

  test('what is in quarantine has its reason, and is stored and gone once it is understood', async () => {
    const stored = storedCalls();
    const metadata = { quarantine_reason: 'unknown_type', received_at: '2026-11-26T10:00:00.000Z' };
    await stored.put('quarantine', 'unknown_type/2026-11-26/aaa.json', transcriptOf('conv_1', 'words'), metadata);
    await stored.put('quarantine', 'not_json/2026-11-26/bbb.bin', 'no JSON', { quarantine_reason: 'not_json' });
    const page = await openPage(stored);
    await page.getByRole('link', { name: 'In quarantine: 2' }).click();
    await page.getByText('not JSON, or not valid UTF-8').waitFor();
    await page.getByRole('button', { name: 'Replay bbb.bin' }).click();
    await page.getByText('Still not understood: it stays here.').waitFor();
    await page.getByRole('button', { name: 'Replay aaa.json' }).click();
    await page.getByText('aaa.json: Stored.').waitFor();
    await page.getByRole('button', { name: 'Replay aaa.json' }).waitFor({ state: 'detached' });
    await page.getByRole('link', { name: '+31612345678' }).click();
    await page.getByText('words', { exact: true }).waitFor();
    const names = await stored.names();
    expect(names).toContain('transcripts/agent_1/conv_1.json');
    expect(names).not.toContain('quarantine/unknown_type/2026-11-26/aaa.json');
  });

  test('what callers and tools have said is text, whatever it looks like', async () => {
    const stored = storedCalls();
    const hostile = [
      '<img src=x onerror="document.title=1"><script>document.title=2</script><iframe srcdoc="<script>alert(1)</script>">',
      '</p></li></ol><style>* { display: none }</style>',
      '\u202Ereversed <b>bold</b> &lt;escaped&gt; javascript:alert(1) \u0000\u001b[31m',
    ];
    const body = transcriptOf('conv_1', hostile[0] ?? '');
    const { transcript, ...data } = body.data;
    const turns = hostile.map((message, index) => ({
      role: index === 1 ? '<b>role</b>' : 'user',
      message,
      time_in_call_secs: index,
      tool_calls: [{ tool_name: message, params_as_json: message }],
      tool_results: [{ tool_name: '<u>x</u>', result_value: message, is_error: true }],
    }));
    const analysis = {
      transcript_summary: hostile[0],
      data_collection_results: { [hostile[0] ?? '']: { value: hostile[1], rationale: hostile[2] } },
      evaluation_criteria_results: { [hostile[1] ?? '']: { result: hostile[0], rationale: hostile[0] } },
    };
    const metadata = {
      ...data.metadata,
      termination_reason: hostile[0],
      phone_call: { [hostile[1] ?? '']: hostile[0] },
    };
    await stored.put(
      'transcripts',
      'agent_1/conv_1.json',
      { ...body, data: { ...data, transcript: turns, analysis, metadata, agent_name: hostile[1] } },
      metadataOfCall('conv_1', { note: '<script>alert(1)</script>' }),
    );
    const page = await openPage(stored);
    await page.getByRole('link', { name: '+31612345678' }).click();
    await page.getByRole('heading', { name: 'Stored' }).waitFor();
    for (const summary of await page.locator('article details > summary').all()) await summary.click();
    const shown = await page.getByRole('article').innerText();
    for (const words of hostile.slice(0, 2)) expect(shown.split(words).length).toBeGreaterThan(4);
    expect(shown).toContain('<b>role</b>');
    expect(await page.title()).toBe('Calls');
    expect(await page.locator('article').locator('img, script, iframe, b, u, style').count()).toBe(0);
  });

  test('is dark where the user has it dark, and light else', async () => {
    const page = await openPage(await exampleCalls());
    await page.getByText('4 calls', { exact: true }).waitFor();
    const brightness = async (colorScheme: 'dark' | 'light') => {
      await page.emulateMedia({ colorScheme });
      const colours = await page.evaluate(
        '[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]',
      );
      return (colours as string[]).map((colour) => Number(/\d+/.exec(colour)?.[0]) > 127);
    };
    expect(await brightness('dark')).toEqual([true, false]);
    expect(await brightness('light')).toEqual([false, true]);
  });

  test('on a phone it is the list or the call, and nothing is wider than the screen', async () => {
    const page = await openPage(await exampleCalls(), { viewport: { width: 360, height: 700 } });
    const overflow = () => page.evaluate('document.documentElement.scrollWidth - innerWidth');
    await page.getByRole('link', { name: '0:36' }).click();
    await page.getByRole('heading', { name: 'Repair ready' }).waitFor();
    expect(await page.getByRole('navigation').isVisible()).toBe(false);
    expect(await overflow()).toBe(0);
    await page.getByRole('link', { name: 'All calls' }).click();
    await page.getByRole('navigation').waitFor();
    expect([await page.getByRole('main').isVisible(), await overflow()]).toEqual([false, 0]);
  });

  test('the keyboard goes through the list, opens a call and plays it, and names say what is what', async () => {
    const page = await openPage(await exampleCalls());
    await page.getByText('4 calls', { exact: true }).waitFor();
    await page.getByRole('searchbox').focus();
    for (const _ of ['Search', 'Filters', 'the list']) await page.keyboard.press('Tab');
    const focused = () => page.evaluate('document.activeElement.innerText.replace(/\\s+/g, " ")');
    expect(await focused()).toContain('no recording');
    await page.keyboard.press('End');
    expect(await focused()).toContain('successful');
    await page.keyboard.press('ArrowUp');
    expect(await focused()).toContain('not connected');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await expect.poll(focused).toBe('Repair ready for collection');
    await page.getByRole('button', { name: 'To the call' }).press('Enter');
    expect(await page.evaluate('[document.activeElement.id, location.hash]')).toEqual(['shown', inCall(CALL)]);
    await page.getByRole('button', { name: 'Play from 0:05' }).press('Enter');
    await expect.poll(() => page.locator('.turn[aria-current]').innerText()).toContain('this is Robin');
    const nameless = await page.locator('button, a, input, select, audio').evaluateAll(
      (
        all: {
          innerText: string;
          labels?: { length: number };
          controls?: boolean;
          getAttribute(name: string): string | null;
        }[],
      ) =>
        all.filter((one) => !one.innerText && !one.getAttribute('aria-label') && !one.labels?.length && !one.controls)
          .length,
    );
    expect(nameless).toBe(0);
  });

  test('what is stored while it is open comes into the list at once, is marked and announced', async () => {
    const stored = await exampleCalls();
    const served = await servePage(stored);
    const page = await openWindow(served.url);
    await page.getByText('4 calls', { exact: true }).waitFor();
    await stored.put(
      'transcripts',
      'agent_1/conv_new.json',
      transcriptOf('conv_new', 'new'),
      metadataOfCall('conv_new'),
    );
    served.hear({ agentId: 'agent_1', conversationId: 'conv_new' });
    await page.locator('.list li.new').waitFor();
    await page.getByText('A call has arrived.').waitFor({ state: 'attached' });
    await page.getByText('5 calls', { exact: true }).waitFor();
    await page.getByRole('link', { name: '+31612345678 1:00 inbound' }).click();
    await page.getByText('The recording is missing').waitFor();
    await stored.put('audio', 'agent_1/conv_new.mp3', 'sound');
    served.hear({ agentId: 'agent_1', conversationId: 'conv_new' });
    await page.getByRole('region', { name: 'Recording' }).waitFor();
  });

  test('an address of a call opens that call', async () => {
    const { url } = await servePage(await exampleCalls());
    const page = await openWindow(url);
    await page.getByText('4 calls', { exact: true }).waitFor();
    await page.goto(new URL(`/${inCall(CALL)}`, url).href);
    await page.getByRole('heading', { name: 'Repair ready for collection' }).waitFor();
    await page.goto(new URL(`/${inCall('conv_nothing')}`, url).href);
    await page.getByText('Nothing is stored of this call (any more).').waitFor();
  });
});

/** Pixels of the waveform that are not empty. */
async function drawnPixels(page: import('playwright-core').Page): Promise<number> {
  return page.evaluate(`(() => {
    const canvas = document.querySelector('.waveform > div')?.shadowRoot?.querySelector('canvas');
    if (!canvas) return 0;
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return data.filter((value, index) => index % 4 === 3 && value > 0).length;
  })()`);
}
