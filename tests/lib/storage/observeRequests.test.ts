import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BlobStorage, isNotFound } from '../../../src/lib/storage/blobStorage.ts';
import type { Dependency } from '../../../src/lib/telemetry/telemetry.ts';

/** A storage account that answers every request with the status of the test. */
const asked: string[] = [];
let status = 201;
const server = createServer((request, response) => {
  asked.push(`${request.method} ${request.url}`);
  request.resume().on('end', () => {
    if (status === 0) request.socket.destroy();
    else response.writeHead(status, status === 404 ? { 'x-ms-error-code': 'BlobNotFound' } : {}).end();
  });
});
let endpoint: string;
const told: Dependency[] = [];
const telemetry = {
  delivery: () => {},
  reconciled: () => {},
  initiated: () => {},
  cloned: () => {},
  dependency: (dependency: Dependency) => void told.push(dependency),
};

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/account`;
});
afterAll(() => server.close().closeAllConnections());
beforeEach(() => {
  told.splice(0);
  asked.splice(0);
  status = 201;
});

const open = (credential: string, totalMs = 5_000) => {
  const connectionString = `BlobEndpoint=${endpoint};${credential}`;
  return new BlobStorage({ kind: 'connection-string', connectionString }, { totalMs, tryMs: totalMs }, telemetry);
};
const upload = (storage: BlobStorage) =>
  storage.attempt('calls', (container) => container.getBlockBlobClient('agent/conv_1.json').upload('{}', 2));

const key = `DefaultEndpointsProtocol=http;AccountName=account;AccountKey=${Buffer.alloc(32, 7).toString('base64')}`;
const sas = 'SharedAccessSignature=sv=2026-01-01&sig=s3cr3t%3D';

describe.each([
  ['a key', key],
  ['a shared access signature', sas],
])('with %s', (_credential, credential) => {
  it('a request is told without its query, and reaches storage as before', async () => {
    await upload(open(credential));
    expect(told).toEqual([
      {
        name: 'PUT blob',
        method: 'PUT',
        url: `${endpoint}/calls/agent/conv_1.json`,
        status: 201,
        durationMs: expect.any(Number),
      },
    ]);
    expect(asked).toHaveLength(1);
    expect(asked[0]).toContain(credential === sas ? 'sig=s3cr3t%3D' : '/account/calls/agent/conv_1.json');
  });
});

it('the name says what is done: to a blob, its blocks, a list or a container', async () => {
  const storage = open(key);
  await storage.attempt('calls', async (container) => {
    const blob = container.getBlockBlobClient('b');
    await blob.stageBlock('AAAA', 'x', 1);
    await blob.commitBlockList(['AAAA']);
    await container.create();
  });
  expect(told.map(({ name }) => name)).toEqual(['PUT block', 'PUT blocklist', 'PUT container']);
});

it('a refusal is told with its status and thrown as before', async () => {
  status = 404;
  const error: unknown = await upload(open(key)).catch((thrown: unknown) => thrown);
  expect(isNotFound(error)).toBe(true);
  expect(told.map((each) => each.status)).toEqual([404]);
});

it('a request that got no answer is told without a status, each try of it', async () => {
  status = 0;
  await expect(upload(open(key, 600))).rejects.toMatchObject({ code: 'storage_unavailable' });
  expect(told.length).toBe(asked.length);
  expect(new Set(told.map((each) => each.status))).toEqual(new Set([undefined]));
});
