import { once } from 'node:events';
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import type { CallSummary } from '../../tools/page/api.ts';
import { longForm } from '../reliability/longForm.ts';
import { sign } from '../support/context.ts';
import { servePage } from '../support/servePage.ts';
import { storedCalls } from '../support/storedCalls.ts';
import { serve } from '../tools/served.ts';
import { hasBrowser, openWindow, useBrowser } from './browser.ts';
import { recording } from './exampleCalls.ts';

useBrowser();

const asked = longForm('clicks');
const clicks = asked ?? 16;
/** 200 a minute. */
const ARRIVAL_MS = 300;
/** As many as the list shows at once, and more: from then on its nodes stay the same. */
const SEEN = 24;

describe.runIf(hasBrowser)('a page that is used for long', () => {
  test('lists ten thousand calls, and has only those in it that one sees', async () => {
    const { url } = await servePage(storedCalls(), (context) => ({ ...context, calls: listOf(10_000) }));
    const page = await openWindow(url);
    await page.getByText('10,000 calls', { exact: true }).waitFor();
    const rows = () => page.locator('.list li').count();
    expect(await rows()).toBeLessThan(50);
    await page.locator('.list a').first().press('End');
    await page.getByRole('link', { name: '+31000009999' }).waitFor();
    expect(await page.evaluate('document.activeElement.innerText')).toContain('+31000009999');
    await page.locator('.list').evaluate((list: { scrollTop: number; scrollHeight: number }) => {
      list.scrollTop = list.scrollHeight / 2;
    });
    await page.getByRole('link', { name: '+31000005000' }).waitFor();
    expect(await rows()).toBeLessThan(50);
    await page.getByRole('searchbox').fill('conv_7777');
    await page.getByText('1 call of 10,000.').waitFor();
  });

  test('takes no more memory after many clicks, while calls arrive', { timeout: 60_000 + clicks * 2_000 }, async () => {
    const { url, served, stop } = await serve({}, ['--inspect']);
    try {
      for (const name of ['one', 'two']) await deliverCall(url, name);
      for (let index = 0; index < SEEN; index++) await deliver(url, arrival(`before_${index}`, index));
      const page = await openWindow(/http:\S+token=\S+/.exec(served.text())?.[0] ?? '');
      await page.getByText(`${SEEN + 2} calls`, { exact: true }).waitFor();
      const debuggerUrl = /ws:\S+/.exec(served.text())?.[0] ?? '';
      const end = new AbortController();
      const arrivals = arrive(url, end.signal);
      const used: Used[] = [];
      for (let click = 0; click < clicks; click++) {
        await page.getByRole('link', { name: click % 2 === 0 ? '+3110' : '+3120' }).click();
        await page.getByText(click % 2 === 0 ? 'This is one.' : 'This is two.').waitFor();
        await page.getByRole('button', { name: 'Play from 0:00' }).click();
        if ((click + 1) % Math.floor(clicks / 4) === 0)
          used.push({ ...(await usedBy(page)), serverMb: await heldMb(debuggerUrl) });
      }
      end.abort();
      const arrived = await arrivals;
      await page.getByText(`${arrived + SEEN + 2} calls`, { exact: true }).waitFor();
      if (asked !== undefined) console.log(JSON.stringify({ clicks, arrived, used }, undefined, 1));
      const [first, ...others] = used;
      const last = others.at(-1);
      if (first === undefined || last === undefined) throw new Error('Nothing was measured');
      expect(last.nodes).toBeLessThan(first.nodes + 100);
      expect(last.listeners).toBeLessThan(first.listeners + 20);
      expect(last.heapMb).toBeLessThan(1.5 * first.heapMb + 5);
      expect(last.serverMb).toBeLessThan(1.3 * first.serverMb + 5);
    } finally {
      await stop();
    }
  });
});

/** In place of a listing: Azurite takes a minute to store so many. */
function listOf(count: number) {
  const began = Date.parse('2026-11-26T12:00:00.000Z');
  const call = (index: number): CallSummary => ({
    agent_id: `agent_${index % 7}`,
    conversation_id: `conv_${index}`,
    started_at: new Date(began - index * 60_000).toISOString(),
    stored_at: new Date(began).toISOString(),
    duration_seconds: index % 600,
    direction: 'inbound',
    external_number: `+3100000${String(index).padStart(4, '0')}`,
    successful: 'success',
    failure_reason: null,
    has: { transcript: true, otel: false, recording: true, failure: false, quarantine: false },
    missing: [],
  });
  return {
    subscribe(listener: (name: 'calls' | 'listed', data: string) => void) {
      listener('calls', JSON.stringify(Array.from({ length: count }, (_, index) => call(index))));
      listener('listed', JSON.stringify({ matching: count, quarantined: 0 }));
      return () => {};
    },
    refresh: async () => {},
    hear: () => {},
  };
}

async function deliver(url: string, event: object): Promise<void> {
  const body = JSON.stringify(event);
  const headers = { 'elevenlabs-signature': sign(body, 'wsec_local_development_only') };
  const answer = await fetch(`${url}/elevenlabs/webhook`, { method: 'POST', body, headers });
  if (answer.status !== 200) throw new Error(`${answer.status}: ${await answer.text()}`);
}

function transcription(conversation_id: string, words: string, { number = '+3190', start = Date.now() / 1000 } = {}) {
  return {
    type: 'post_call_transcription',
    event_timestamp: Math.round(Date.now() / 1000),
    data: {
      agent_id: 'agent_1',
      conversation_id,
      transcript: Array.from({ length: 20 }, (_, index) => ({
        role: index % 2 === 0 ? 'agent' : 'user',
        message: index === 0 ? words : `Turn ${index}.`,
        time_in_call_secs: index,
      })),
      has_audio: true,
      metadata: {
        start_time_unix_secs: Math.round(start),
        call_duration_secs: 36,
        phone_call: { direction: 'inbound', external_number: `${number}00000` },
      },
    },
  };
}

async function deliverCall(url: string, name: string): Promise<void> {
  const conversation_id = `conv_${name}`;
  await deliver(
    url,
    transcription(conversation_id, `This is ${name}.`, { number: name === 'one' ? '+3110' : '+3120' }),
  );
  const data = { agent_id: 'agent_1', conversation_id, full_audio: recording.toString('base64') };
  await deliver(url, { type: 'post_call_audio', event_timestamp: Math.round(Date.now() / 1000), data });
}

/** A call that began yesterday or before, so that it comes in below. */
function arrival(name: string, index: number): object {
  return transcription(`conv_arrived_${name}`, 'Later.', { start: Date.now() / 1000 - 86_400 - 60 * index });
}

/** Lets calls arrive. @returns how many. */
async function arrive(url: string, end: AbortSignal): Promise<number> {
  const begin = Date.now();
  let count = 0;
  while (!end.aborted) {
    await deliver(url, arrival(String(count), SEEN + count));
    count++;
    const wait = begin + count * ARRIVAL_MS - Date.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
  }
  return count;
}

interface Used {
  readonly nodes: number;
  readonly listeners: number;
  readonly heapMb: number;
  readonly serverMb: number;
}

/** After a collection. */
async function usedBy(page: Page): Promise<Omit<Used, 'serverMb'>> {
  const session = await page.context().newCDPSession(page);
  await session.send('HeapProfiler.collectGarbage');
  await session.send('Performance.enable');
  const { metrics } = await session.send('Performance.getMetrics');
  await session.detach();
  const metric = (wanted: string) => metrics.find(({ name }) => name === wanted)?.value ?? 0;
  return {
    nodes: metric('Nodes'),
    listeners: metric('JSEventListeners'),
    heapMb: Math.round(metric('JSHeapUsedSize') / 1e5) / 10,
  };
}

/** What the server holds after a collection, asked by its debugger (https://chromedevtools.github.io/devtools-protocol/v8/). */
async function heldMb(debuggerUrl: string): Promise<number> {
  const socket = new WebSocket(debuggerUrl);
  await once(socket, 'open');
  const ask = async (method: string) => {
    socket.send(JSON.stringify({ id: 1, method }));
    const [{ data }] = (await once(socket, 'message')) as [{ data: string }];
    return JSON.parse(data).result;
  };
  await ask('HeapProfiler.collectGarbage');
  const { usedSize, backingStorageSize = 0 } = await ask('Runtime.getHeapUsage');
  socket.close();
  return Math.round((usedSize + backingStorageSize) / 1e5) / 10;
}
