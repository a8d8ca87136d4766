import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { SECRET } from '../support/context.ts';
import { connectionStringTo, dependenciesIn, type Ingestion, metricsIn, startIngestion } from '../support/ingestion.ts';
import { run } from '../tools/run.ts';

/** The built app where there is no node_modules. */
let folder: string;
let ingestion: Ingestion;

beforeAll(async () => {
  ingestion = await startIngestion();
  folder = await mkdtemp(join(tmpdir(), 'cold-'));
  await cp('dist', folder, { recursive: true, filter: (path) => !path.endsWith('.map') });
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
});
afterAll(async () => {
  await ingestion.close();
  await rm(folder, { recursive: true, force: true });
});

/** What happens in a cold process from its first request on, and all that it wrote. */
async function cold(settings: NodeJS.ProcessEnv): Promise<{ events: string[]; text: string }> {
  const process = run(['tests/support/coldProcess.ts', folder], {
    ELEVENLABS_WEBHOOK_SECRET: SECRET,
    CallStorage: inject('storage'),
    ...settings,
  });
  expect([await process.ended, process.text()]).toEqual([0, expect.stringContaining('answers 200')]);
  const events = process
    .text()
    .split('\n')
    .find((line) => line.startsWith('['));
  return { events: JSON.parse(events ?? '[]') as string[], text: process.text() };
}

/** Files of the app that hold a library's code, by a text that is in no other. */
async function filesOf(text: string): Promise<Set<string>> {
  const files = await readdir(folder, { recursive: true });
  const found = new Set<string>();
  for (const file of files.filter((name) => name.endsWith('.js'))) {
    if ((await readFile(join(folder, file), 'utf8')).includes(text)) found.add(`loads ${file}`);
  }
  expect(found.size).toBeGreaterThan(0);
  return found;
}

const LIBRARY = 'opentelemetry.js.api';
const IDENTITY = '@azure/msal-node';

describe('a cold process', () => {
  it('answers first and loads telemetry then, from its own files, and sends what it had kept', async () => {
    const { events, text } = await cold({
      APPLICATIONINSIGHTS_CONNECTION_STRING: connectionStringTo(ingestion.url),
      EXPECTS_TELEMETRY: 'true',
    });
    const ofLibrary = await filesOf(LIBRARY);
    const order = events.filter((event) => /^(starts|answers)/.test(event) || ofLibrary.has(event));
    expect(order).toEqual(['starts', 'answers 200', ...ofLibrary]);
    expect(events.filter((event) => event.includes('node_modules'))).toEqual([]);
    expect(text).not.toMatch(/warning|error/i);
    expect(metricsIn(ingestion.envelopes())).toContainEqual(expect.objectContaining({ name: 'deliveries', value: 1 }));
    expect(dependenciesIn(ingestion.envelopes())).toContainEqual(expect.objectContaining({ name: 'PUT blob' }));
    expect(ingestion.batches.map(({ headers }) => headers.authorization)).toEqual(
      ingestion.batches.map(() => undefined),
    );
  });

  it('signs in as the managed identity where the setting asks for it', async () => {
    const identity = await startIdentity();
    ingestion.batches.splice(0);
    const { text } = await cold({
      APPLICATIONINSIGHTS_CONNECTION_STRING: connectionStringTo(ingestion.url),
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'Authorization=AAD;ClientId=11111111-2222-4333-8444-555555555555',
      IDENTITY_ENDPOINT: `${identity.url}/msi/token`,
      IDENTITY_HEADER: 'header',
      EXPECTS_TELEMETRY: 'true',
    });
    await identity.close();
    expect(text).not.toMatch(/warning|error/i);
    const asked = new URL(identity.asked[0] ?? '', identity.url).searchParams;
    expect(asked.get('resource')).toMatch(/^https:\/\/monitor\.azure\.com/);
    expect(asked.get('client_id')).toBe('11111111-2222-4333-8444-555555555555');
    expect(ingestion.batches.length).toBeGreaterThan(0);
    for (const { headers } of ingestion.batches) expect(headers.authorization).toBe('Bearer of-the-identity');
  });

  const none = 'is not a valid Application Insights connection string';
  it.each([
    ['with an invalid connection string', { APPLICATIONINSIGHTS_CONNECTION_STRING: 'InstrumentationKey=abc' }, none],
    [
      'without a connection string, but with an identity',
      { APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'Authorization=AAD' },
      undefined,
    ],
  ])('%s answers the same and loads nothing of telemetry, nor a sign-in', async (_case, settings, said) => {
    const { events, text } = await cold(settings);
    const ofBoth = new Set([...(await filesOf(LIBRARY)), ...(await filesOf(IDENTITY))]);
    expect(events.filter((event) => ofBoth.has(event) || event.includes('node_modules'))).toEqual([]);
    expect(events).toContain('is healthy');
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('['));
    expect(lines).toEqual([
      ...(said === undefined ? [] : [expect.stringContaining(said)]),
      expect.stringMatching(/^start version=/),
    ]);
  });
});

/** The platform's endpoint for tokens of the app's identity. */
async function startIdentity() {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    const expires_on = Math.floor(Date.now() / 1000) + 3600;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ access_token: 'of-the-identity', expires_on, token_type: 'Bearer', resource: 'x' }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://127.0.0.1:${port}`, asked, close };
}
