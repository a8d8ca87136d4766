import { type ContainerClient, RestError } from '@azure/storage-blob';
import { describe, expect, it } from 'vitest';
import type { Quarantined } from '../../../src/lib/calls/listQuarantine.ts';
import { isReplayed, removeReplayed, wasReplayedMeanwhile } from '../../../src/lib/calls/removeReplayed.ts';
import type { Attempts } from '../../../src/lib/storage/blobStorage.ts';

type Part = keyof Quarantined['blobs'];
const PARTS: readonly Part[] = ['around', 'audio', 'undecoded'];
const NOT_FOUND = new RestError('', { statusCode: 404, code: 'BlobNotFound' });

/** A quarantine in memory, whose blobs are named as their parts. Operation number `failing` fails before it does anything. */
class Container {
  readonly metadata = new Map<string, Record<string, string>>();
  readonly done: string[] = [];
  failing = -1;
  failure: Error = new Error('storage is away');

  constructor(parts: readonly Part[]) {
    for (const part of parts) this.metadata.set(part, { sha256: part });
  }

  get storage(): Attempts {
    const client = { getBlobClient: (name: string) => this.#blob(name) } as unknown as ContainerClient;
    const attempt: Attempts['attempt'] = async (_name, action) => {
      if (this.failing-- === 0) throw this.failure;
      return action(client, AbortSignal.timeout(60_000));
    };
    return { attempt } as Attempts;
  }

  /** As it would be listed now. */
  listed(): Quarantined {
    const blobs = Object.fromEntries([...this.metadata.keys()].map((name) => [name, { name, sha256: name }]));
    const metadata = this.metadata.get('around') ?? {};
    return { container: 'q', blobs, hash: 'h', storedAt: new Date(0), metadata };
  }

  #blob(name: string) {
    return {
      setMetadata: async (metadata: Record<string, string>) => {
        this.#existing(name);
        this.done.push(`mark ${name}`);
        this.metadata.set(name, metadata);
      },
      getProperties: async () => ({ metadata: this.#existing(name) }),
      deleteIfExists: async ({ deleteSnapshots }: { deleteSnapshots: string }) => {
        expect(deleteSnapshots).toBe('include');
        this.done.push(`delete ${name}`);
        this.metadata.delete(name);
      },
    };
  }

  #existing(name: string): Record<string, string> {
    const metadata = this.metadata.get(name);
    if (metadata === undefined) throw NOT_FOUND;
    return metadata;
  }
}

describe('removing what is stored elsewhere by now', () => {
  it('says so where it deletes last, and goes on from there', async () => {
    const container = new Container(PARTS);
    await removeReplayed(container.storage, container.listed());
    expect(container.done).toEqual(['mark around', 'delete audio', 'delete undecoded', 'delete around']);
    expect(container.metadata.size).toBe(0);
  });

  it.each([0, 1, 2, 3])('that ends before operation %i loses nothing, and another run finishes it', async (failing) => {
    const container = new Container(PARTS);
    container.failing = failing;
    await expect(removeReplayed(container.storage, container.listed())).rejects.toThrow('storage is away');
    const left = container.listed();
    // Whole, so that it can be received again; or marked, so that nobody needs to.
    expect(isReplayed(left)).toBe(failing > 0);
    if (failing === 0) expect(Object.keys(left.blobs)).toEqual(PARTS);
    else expect(left.metadata).toMatchObject({ sha256: 'around', replayed_at: expect.stringMatching(/^20.*Z$/) });
    container.done.length = 0;
    await removeReplayed(container.storage, left);
    expect(container.metadata.size).toBe(0);
    expect(container.done.includes('mark around')).toBe(failing === 0);
  });

  it('marks no whole body: it goes at once', async () => {
    const container = new Container(['body']);
    await removeReplayed(container.storage, container.listed());
    expect(container.done).toEqual(['delete body']);
  });

  it('goes on when somebody else has deleted the JSON around the audio', async () => {
    const container = new Container(PARTS);
    const listed = container.listed();
    container.metadata.delete('around');
    await removeReplayed(container.storage, listed);
    expect(container.metadata.size).toBe(0);
  });
});

describe('whether somebody else has replayed it since it was listed:', () => {
  const asked = async (change: (container: Container) => void, parts = PARTS) => {
    const container = new Container(parts);
    const listed = container.listed();
    change(container);
    return wasReplayedMeanwhile(container.storage, listed);
  };

  it.each<[string, (container: Container) => void, boolean]>([
    ['no, while it is as it was', () => {}, false],
    ['yes, when it says so', ({ metadata }) => metadata.set('around', { replayed_at: '2026-11-27T00:00:00Z' }), true],
    ['yes, when the JSON around the audio is gone', ({ metadata }) => metadata.delete('around'), true],
    ['nobody knows, and so no, when storage is away', (container) => Object.assign(container, { failing: 0 }), false],
  ])('%s', async (_what, change, was) => {
    expect(await asked(change)).toBe(was);
  });

  it('no, of a whole body, which nobody marks', async () => {
    expect(await asked(({ metadata }) => metadata.clear(), ['body'])).toBe(false);
  });
});
