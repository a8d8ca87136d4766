import type { BlobItem, ContainerClient } from '@azure/storage-blob';
import { expect, it } from 'vitest';
import { isPart, listQuarantine, nameOf, type Quarantined } from '../../../src/lib/calls/listQuarantine.ts';
import type { Attempts } from '../../../src/lib/storage/blobStorage.ts';

const MODIFIED = new Date('2026-11-02T00:00:00Z');
const CREATED = new Date('2026-11-01T00:00:00Z');
const FOLDER = 'q/unknown_type/2026-11-01/';

const item = (name: string, more: Partial<BlobItem> = {}): BlobItem => ({
  name,
  deleted: false,
  snapshot: '',
  properties: { lastModified: MODIFIED, createdOn: CREATED, etag: '0x1' },
  metadata: { sha256: `of ${name.slice(name.indexOf('.'))}` },
  ...more,
});

/** As storage lists them: by name, and none of another prefix. */
async function listed(items: readonly BlobItem[], reason?: string): Promise<Quarantined[]> {
  const client = {
    listBlobsFlat: ({ prefix }: { prefix: string }) => ({
      async *byPage() {
        const blobItems = items.filter(({ name }) => name.startsWith(prefix));
        yield { segment: { blobItems: blobItems.toSorted((one, other) => (one.name < other.name ? -1 : 1)) } };
      },
    }),
  };
  const attempt: Attempts['attempt'] = (_container, action) =>
    action(client as unknown as ContainerClient, AbortSignal.timeout(60_000));
  const all: Quarantined[] = [];
  const storage = { attempt } as Attempts;
  for await (const one of listQuarantine(storage, { container: 'quarantine', prefix: 'q/' }, reason)) all.push(one);
  return all;
}

const partsOf = ({ hash, blobs }: Quarantined) => [hash, Object.keys(blobs).sort()];

it('nothing is listed of an empty quarantine', async () => {
  expect(await listed([])).toEqual([]);
});

it('a whole body is one blob, with what is known of it', async () => {
  const [one, ...others] = await listed([item(`${FOLDER}aa.json`)]);
  expect(others).toEqual([]);
  expect(one).toEqual({
    container: 'quarantine',
    blobs: { body: { name: `${FOLDER}aa.json`, sha256: 'of .json' } },
    hash: 'aa',
    storedAt: CREATED,
    metadata: { sha256: 'of .json' },
  });
});

it('the parts of a body are one body, told by the JSON around the audio', async () => {
  const bodies = await listed([
    item(`${FOLDER}aa.mp3`),
    item(`${FOLDER}aa.around.json`, { metadata: { sha256: 'x', quarantine_reason: 'broken_audio' } }),
    item(`${FOLDER}aa.remainder.bin`),
    item(`${FOLDER}bb.mp3`),
    item(`${FOLDER}bb.around.json`),
  ]);
  expect(bodies.map(partsOf)).toEqual([
    ['aa', ['around', 'audio', 'undecoded']],
    ['bb', ['around', 'audio']],
  ]);
  expect(bodies[0]?.metadata).toEqual({ sha256: 'x', quarantine_reason: 'broken_audio' });
  expect(bodies.map(nameOf)).toEqual([`quarantine/${FOLDER}aa.around.json`, `quarantine/${FOLDER}bb.around.json`]);
});

it('a whole body beside parts of the same hash is a body of its own', async () => {
  const bodies = await listed(['aa.json', 'aa.mp3', 'aa.around.json'].map((name) => item(FOLDER + name)));
  expect(bodies.map(partsOf)).toEqual([
    ['aa', ['body']],
    ['aa', ['around', 'audio']],
  ]);
});

it('a part whose others are lost is listed by what there is', async () => {
  const bodies = await listed([item(`${FOLDER}aa.mp3`), item(`${FOLDER}bb.remainder.bin`)]);
  expect(bodies.map(partsOf)).toEqual([
    ['aa', ['audio']],
    ['bb', ['undecoded']],
  ]);
  expect(bodies.map(nameOf)).toEqual([`quarantine/${FOLDER}aa.mp3`, `quarantine/${FOLDER}bb.remainder.bin`]);
});

it('a dot in a folder is none of the name, and a name needs none', async () => {
  const bodies = await listed([item('q/a.b/aa.json'), item('q/a.b/bb')]);
  expect(bodies.map(({ hash }) => hash)).toEqual(['aa', 'bb']);
});

it('a blob without metadata has no sha256 that could be that of its bytes, and one without a creation was modified', async () => {
  const bare = { name: `${FOLDER}aa.json`, deleted: false, snapshot: '' };
  const [one] = await listed([{ ...bare, properties: { lastModified: MODIFIED, etag: '0x1' } }]);
  expect(one).toMatchObject({ metadata: {}, blobs: { body: { sha256: 'none' } }, storedAt: MODIFIED });
});

it('only what is there for one reason is listed when it is asked for', async () => {
  const bodies = await listed([item('q/not_json/aa.bin'), item('q/not_json_at_all/bb.bin')], 'not_json');
  expect(bodies.map(({ hash }) => hash)).toEqual(['aa']);
});

it.each([
  [`${FOLDER}aa.json`, false],
  [`${FOLDER}aa.bin`, false],
  [`${FOLDER}aa.around.json`, true],
  [`${FOLDER}aa.mp3`, true],
  [`${FOLDER}aa.remainder.bin`, true],
])('%s: a part %s', (name, is) => {
  expect(isPart(name)).toBe(is);
});
