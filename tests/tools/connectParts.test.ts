import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { AzureApi } from '../../tools/cli/azure/azureApi.ts';
import { fileStore } from '../../tools/cli/connect/secretStore.ts';
import { readConnectTarget } from '../../tools/cli/connect/target.ts';
import { permissionFor, readBaseUrl, readOperatorKey } from '../../tools/cli/operatorKey.ts';
import { checkWebhook } from '../../tools/cli/webhookCheck.ts';

describe('local.settings.json as the place of the secret', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'connect-'));
    file = join(folder, 'local.settings.json');
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const content = () => JSON.parse(readFileSync(file, 'utf8'));

  test('keeps everything else, and has the newest first', async () => {
    const before = {
      IsEncrypted: false,
      Values: { LOG_LEVEL: 'DEBUG', ELEVENLABS_WEBHOOK_SECRET: 'wsec_old' },
      Host: { CORS: '*' },
    };
    writeFileSync(file, `\uFEFF${JSON.stringify(before)}`, { mode: 0o640 });
    const store = fileStore(file);
    expect(await store.read()).toEqual(['wsec_old']);
    await store.write(['wsec_new', 'wsec_old']);
    expect(content()).toEqual({
      ...before,
      Values: { LOG_LEVEL: 'DEBUG', ELEVENLABS_WEBHOOK_SECRET: 'wsec_new,wsec_old' },
    });
    expect(await store.read()).toEqual(['wsec_new', 'wsec_old']);
    expect(statSync(file).mode & 0o777).toBe(0o640);
    expect(readdirSync(folder)).toEqual(['local.settings.json']);
  });

  test('is made when it is missing, for its owner alone', async () => {
    expect(await fileStore(file).read()).toEqual([]);
    await fileStore(file).write(['wsec_new']);
    expect(content()).toMatchObject({ IsEncrypted: false, Values: { ELEVENLABS_WEBHOOK_SECRET: 'wsec_new' } });
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test('is left alone when it is encrypted or not valid JSON', async () => {
    for (const text of ['{"IsEncrypted":true,"Values":{}}', '{"Values":{"ELEVENLABS_WEBHOOK_SECRET":"wsec_x"']) {
      writeFileSync(file, text);
      await expect(fileStore(file).read()).rejects.toThrow(/local\.settings\.json is/);
      expect(readFileSync(file, 'utf8')).toBe(text);
    }
  });
});

describe('Azure', () => {
  /** A server that answers one after the other with these; the last one stays. */
  async function azureThat(...answers: { status: number; headers?: Record<string, string>; body?: string }[]) {
    const seen: { method: string; url: string; authorization: string | undefined; body: string }[] = [];
    const server = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      const { method = '', url = '', headers } = request;
      seen.push({ method, url, authorization: headers.authorization, body });
      const {
        status,
        headers: more = {},
        body: text = '',
      } = (answers.length > 1 ? answers.shift() : answers[0]) ?? { status: 500 };
      response.writeHead(status, more).end(text.replaceAll('SELF', origin));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // of a server on TCP
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    return {
      seen,
      api: new AzureApi({ management: origin, vault: () => origin, token: async (scope) => `token of ${scope}` }),
    };
  }

  test('a secret is read and written with a token for the vault', async () => {
    const { api, seen } = await azureThat({ status: 200, body: '{"value":"wsec_1"}' });
    expect(await api.getSecret('kv-1', 'elevenlabs-webhook-secret')).toBe('wsec_1');
    await api.setSecret('kv-1', 'elevenlabs-webhook-secret', 'wsec_2,wsec_1');
    expect(seen).toEqual([
      expect.objectContaining({ method: 'GET', url: '/secrets/elevenlabs-webhook-secret?api-version=7.4' }),
      expect.objectContaining({ method: 'PUT', body: '{"value":"wsec_2,wsec_1"}' }),
    ]);
    for (const { authorization } of seen)
      expect(authorization).toBe('Bearer token of https://vault.azure.net/.default');
  });

  test('what passes by itself is asked again', async () => {
    const { api, seen } = await azureThat(
      { status: 429, headers: { 'retry-after': '1' } },
      { status: 503, headers: { 'retry-after': '1' } },
      { status: 404 },
    );
    expect(await api.getSecret('kv-1', 'none')).toBeUndefined();
    expect(seen).toHaveLength(3);
  });

  test('a refusal names the role, and never what was sent or answered', async () => {
    const { api } = await azureThat({ status: 403, body: '{"error":{"message":"wsec_1 is forbidden"}}' });
    const failure = await api.setSecret('kv-1', 'elevenlabs-webhook-secret', 'wsec_1').catch((error: unknown) => error);
    expect(failure).toMatchObject({
      role: 'Key Vault Secrets Officer',
      message: expect.not.stringContaining('wsec_1'),
    });
  });

  test('the token goes to no other host than the one that was asked', async () => {
    const elsewhere = await azureThat({ status: 200, body: '{"value":[]}' });
    const [first] = [await azureThat({ status: 200, body: '{"value":[],"nextLink":"http://127.0.0.1:1/next"}' })];
    expect(await first.api.findSite('app.example')).toBeUndefined();
    expect(elsewhere.seen).toEqual([]);
    const redirecting = await azureThat({ status: 307, headers: { location: 'http://127.0.0.1:1/' } });
    await expect(redirecting.api.getSecret('kv-1', 'a')).rejects.toThrow(/answered 307/);
  });

  test('an app is found by any of its names, also on a later page', async () => {
    const site = {
      id: '/sites/func-2',
      name: 'func-2',
      properties: { defaultHostName: 'x', hostNames: ['Calls.Example.com'] },
    };
    const { api } = await azureThat(
      { status: 200, body: '{"value":[{"subscriptionId":"sub-1"}]}' },
      { status: 200, body: '{"value":[{"id":"/sites/func-1","name":"func-1"}],"nextLink":"SELF/next"}' },
      { status: 200, body: JSON.stringify({ value: [site] }) },
    );
    expect(await api.findSite('calls.example.com')).toEqual({ id: '/sites/func-2', name: 'func-2' });
  });

  test('an app without address rules lets everybody call', async () => {
    const { api } = await azureThat({ status: 200, body: '{"properties":{}}' });
    expect(await api.getCallers({ id: '/sites/func-1', name: 'func-1' })).toBeUndefined();
  });
});

describe('the address of the app', () => {
  test.each([
    ['https://app.example', 'https://app.example/elevenlabs/webhook'],
    ['https://app.example/elevenlabs/webhook', 'https://app.example/elevenlabs/webhook'],
    ['http://127.0.0.1:7071', 'http://127.0.0.1:7071/elevenlabs/webhook'],
  ])('%s is %s', (given, expected) => {
    expect(readConnectTarget(given).webhook.href).toBe(expected);
  });

  test.each([
    undefined,
    'app.example',
    'http://app.example',
    'https://u:p@app.example',
    'https://app.example/?code=1',
    'https://app.example/#x',
  ])('%s is refused', (given) => {
    expect(() => readConnectTarget(given)).toThrow(/--url/);
  });
});

test('an answer that is endless, no JSON or none at all is no reason to throw', async () => {
  const server = createServer((_request, response) => {
    response.writeHead(200);
    response.end('x'.repeat(400_000));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // of a server on TCP
  expect(await checkWebhook(new URL(`http://127.0.0.1:${port}/`), 'wsec_1')).toMatchObject({ status: 200, json: {} });
  server.closeAllConnections();
  server.close();
  const closed = await checkWebhook(new URL(`http://127.0.0.1:${port}/`), 'wsec_1');
  expect(closed).toEqual({ status: undefined, json: {}, problem: 'ECONNREFUSED' });
});

test("the operator's key comes from its own variable, and a bad paste is said without it", async () => {
  expect(await readOperatorKey({ ELEVENLABS_OPERATOR_API_KEY: 'sk_1' })).toBe('sk_1');
  await expect(readOperatorKey({ ELEVENLABS_OPERATOR_API_KEY: '"sk_1"' })).rejects.toThrow(
    /^ELEVENLABS_OPERATOR_API_KEY contains quotes/,
  );
  expect(() => readBaseUrl({ ELEVENLABS_API_BASE_URL: 'https://u:p@host' })).toThrow(
    /^ELEVENLABS_API_BASE_URL must be/,
  );
  expect(readBaseUrl({})).toBe('https://api.elevenlabs.io');
});

test.each([
  ['GET /v1/workspace/webhooks', 'webhooks_write'],
  ['PATCH /v1/convai/agents/agent_1', 'convai_write'],
  ['GET /v1/convai/agents', 'convai_read'],
  ['GET /v1/user/subscription', 'user_read'],
  ['GET /v2/voices', 'voices_read'],
])('%s takes %s', (operation, permission) => {
  expect(permissionFor(operation)).toMatch(new RegExp(`^${permission}`));
});
