import { BlobServiceClient } from '@azure/storage-blob';
import { expect, inject, onTestFinished } from 'vitest';
import { BlobStorage } from '../../src/lib/storage/blobStorage.ts';
import { pageContext } from '../../tools/cli/calls/page/context.ts';
import type { PageContext } from '../../tools/cli/calls/page/routes.ts';
import { type RunningPage, startPage } from '../../tools/cli/calls/page/server.ts';
import type { StorageAccess } from '../../tools/cli/storageAccess.ts';
import type { StoredCalls } from './storedCalls.ts';

/** Serves the page of what is stored. The test fails when the server does what it should not. */
export async function servePage(
  stored: StoredCalls,
  change: (context: PageContext) => PageContext = (context) => context,
): Promise<RunningPage> {
  const bugs: unknown[] = [];
  const served = await startPage({
    port: 0,
    open: async () => change(pageContext(accessTo(stored), {})),
    onBug: (error) => bugs.push(error),
  });
  onTestFinished(async () => {
    await served.close();
    expect(bugs).toEqual([]);
  });
  return served;
}

/** Storage with these areas, as a command opens it. */
function accessTo(stored: StoredCalls): StorageAccess {
  const service = BlobServiceClient.fromConnectionString(inject('storage'), { retryOptions: { maxTries: 1 } });
  return {
    storage: new BlobStorage(service, { totalMs: 10_000, tryMs: 10_000 }),
    areas: stored.areas,
    settings: stored.settings,
    name: 'the storage of a test',
    isAzure: false,
    explained: (error) => error,
  };
}
