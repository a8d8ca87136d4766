import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { purge } from '../../../src/lib/calls/eraseBlobs.ts';
import { eraseCalls } from '../../../src/lib/calls/eraseCalls.ts';
import { ElevenLabsClient } from '../../../src/lib/elevenlabs/client.ts';
import { readStorageAreas } from '../../../src/lib/settings/storageAreas.ts';
import { startElevenLabs } from '../../../tools/local/elevenlabs/server.ts';
import { storageAt } from '../../support/drafts.ts';

/** One blob, version or snapshot, as List Blobs shows it. */
interface Item {
  readonly name: string;
  readonly version: string;
  readonly isCurrent: boolean;
  readonly snapshot?: string;
  readonly erasedAt?: string;
  /** `transcripts` when left out. */
  readonly container?: string;
}

let server: Server | undefined;
afterEach(() => void server?.close());

/**
 * Answers as the service documents it for an account with versioning, which Azurite has not: List Blobs with versions and
 * snapshots, and Delete Blob, which makes a version of what is current and deletes a version or a snapshot that is named
 * (https://learn.microsoft.com/azure/storage/blobs/versioning-overview#how-blob-versioning-works).
 */
async function versioned(items: Item[], refuses = false) {
  server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://x');
    const [, , container, ...path] = url.pathname.split('/');
    const prefix = url.searchParams.get('prefix') ?? '';
    if (request.method === 'PUT') return void request.resume().on('end', () => response.writeHead(201).end());
    if (url.searchParams.get('comp') === 'list') {
      const listed = items.filter(
        (item) => (item.container ?? 'transcripts') === container && item.name.startsWith(prefix),
      );
      const list = listed.map(
        ({ name, version, isCurrent, snapshot, erasedAt }) =>
          `<Blob><Name>${name}</Name>${snapshot ? `<Snapshot>${snapshot}</Snapshot>` : `<VersionId>${version}</VersionId>`}${
            isCurrent ? '<IsCurrentVersion>true</IsCurrentVersion>' : ''
          }<Properties><Last-Modified>Thu, 26 Nov 2026 10:00:00 GMT</Last-Modified><Etag>0x1</Etag><Content-Length>1</Content-Length></Properties>${
            erasedAt ? `<Metadata><erased_at>${erasedAt}</erased_at></Metadata>` : ''
          }</Blob>`,
      );
      response.writeHead(200, { 'content-type': 'application/xml' });
      response.end(
        `<?xml version="1.0" encoding="utf-8"?><EnumerationResults><Blobs>${list.join('')}</Blobs><NextMarker/></EnumerationResults>`,
      );
      return;
    }
    if (request.method !== 'DELETE') {
      response.writeHead(404, { 'x-ms-error-code': 'BlobNotFound' }).end(); // nobody asks for what is listed here
      return;
    }
    if (refuses && url.searchParams.has('versionid')) {
      response.writeHead(403, { 'x-ms-error-code': 'AuthorizationPermissionMismatch' }).end();
      return;
    }
    const name = decodeURIComponent(path.join('/'));
    const wanted = url.searchParams.get('versionid');
    const snapshot = url.searchParams.get('snapshot');
    const at = items.findIndex(
      (item) =>
        item.name === name &&
        (snapshot ? item.snapshot === snapshot : wanted ? item.version === wanted : item.isCurrent),
    );
    const found = items[at];
    if (found === undefined) response.writeHead(404, { 'x-ms-error-code': 'BlobNotFound' }).end();
    else {
      items.splice(at, 1, ...(wanted || snapshot ? [] : [{ ...found, isCurrent: false }]));
      response.writeHead(202).end();
    }
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const key = Buffer.from('key').toString('base64');
  return storageAt(
    `DefaultEndpointsProtocol=http;AccountName=a;AccountKey=${key};BlobEndpoint=http://127.0.0.1:${port}/a;`,
  );
}

const where = { container: 'transcripts', prefix: 'agent_1/conv_1.' };
const name = 'agent_1/conv_1.json';

it('versions, snapshots and what is current go; the tombstone alone stays', async () => {
  const items: Item[] = [
    { name, version: '1', isCurrent: false },
    { name, version: '2', isCurrent: false, snapshot: '2026-11-26T09:00:00.0000000Z' },
    { name, version: '3', isCurrent: true, erasedAt: '2026-11-26T10:00:00.000Z' },
    { name: 'agent_1/conv_1.aaaa.json', version: '4', isCurrent: true },
  ];
  await purge(await versioned(items), where);
  expect(items).toEqual([{ name, version: '3', isCurrent: true, erasedAt: '2026-11-26T10:00:00.000Z' }]);
});

it('who may not delete versions deletes all else, and is told what is left', async () => {
  const items: Item[] = [
    { name, version: '1', isCurrent: false },
    { name, version: '2', isCurrent: false, snapshot: '2026-11-26T09:00:00.0000000Z' },
  ];
  const storage = await versioned(items, true);
  await expect(purge(storage, where)).rejects.toThrow('Storage Blob Data Owner');
  expect(items.map(({ version }) => version)).toEqual(['1']);
});

it('all versions of what pre-call has written down go, and those of other calls stay', async () => {
  const sample = 'a'.repeat(64);
  const record = (name: string, version: string, isCurrent: boolean): Item => ({
    container: 'precall-state',
    name,
    version,
    isCurrent,
  });
  const other = record('conversations/conv_12.json', '5', true);
  const items: Item[] = [
    record('conversations/conv_1.json', '1', false),
    record('conversations/conv_1.json', '2', true),
    record(`voices/${sample}.json`, '3', false),
    record(`voices/${sample}.json`, '4', true),
    other,
  ];
  const storage = await versioned(items);
  const areas = readStorageAreas({});
  if ('setting' in areas) throw new Error(areas.setting);
  const api = await startElevenLabs({ port: 0 });
  const elevenLabs = new ElevenLabsClient({ baseUrl: api.url, apiKey: 'key' });
  const signal = AbortSignal.timeout(20_000);
  const work = { id: 'erase-test', signal, endsAtMs: performance.now() + 20_000, log: { write: () => {} } };
  const erasure = {
    conversation_id: 'conv_1',
    agent_ids: ['agent_1'],
    of_any_agent: false,
    requested_at: '2026-11-26T10:00:00.000Z',
    finished_at: null,
    left: [],
    is_over: true,
    voice_ids: [],
    samples: [sample],
    callers: [],
  };
  const context = { storage, areas, elevenLabs, operator: undefined, work, now: Date.now };
  const { left } = await eraseCalls(context, [erasure]);
  await elevenLabs.close();
  await api.close();
  expect([left, items]).toEqual([[], [other]]);
});
