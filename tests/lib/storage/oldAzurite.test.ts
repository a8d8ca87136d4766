import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { BlobStorage } from '../../../src/lib/storage/blobStorage.ts';

/** Answers as an Azurite that is older than the storage library: `checkApiVersion` in github.com/Azure/Azurite. */
const server = createServer((request, response) => {
  const headers = { server: 'Azurite-Blob/3.28.0', 'x-ms-error-code': 'InvalidHeaderValue' };
  const error =
    '<?xml version="1.0"?><Error><Code>InvalidHeaderValue</Code><Message>The API version 2026-02-06 is not supported by ' +
    'Azurite. Please upgrade Azurite to latest version and retry.</Message></Error>';
  request.resume().on('end', () => response.writeHead(400, headers).end(request.method === 'HEAD' ? undefined : error));
});
let storage: BlobStorage;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/devstoreaccount1`;
  const key = `AccountName=devstoreaccount1;AccountKey=${Buffer.alloc(32, 7).toString('base64')}`;
  const connectionString = `DefaultEndpointsProtocol=http;${key};BlobEndpoint=${endpoint};`;
  storage = new BlobStorage({ kind: 'connection-string', connectionString }, { totalMs: 5_000, tryMs: 5_000 });
});
afterAll(() => server.close().closeAllConnections());

const requests: Record<string, () => Promise<unknown>> = {
  PUT: () => storage.attempt('calls', (container) => container.getBlockBlobClient('a.json').upload('{}', 2)),
  HEAD: () => storage.attempt('calls', (container) => container.getBlobClient('a.json').exists()),
};

it.each(Object.keys(requests))('an Azurite that is too old is named, with both ways out (%s)', async (method) => {
  await expect(requests[method]?.()).rejects.toMatchObject({
    code: 'storage_unavailable',
    hint: expect.stringMatching(/Azurite is too old.*update it.*--skipApiVersionCheck/),
  });
});
