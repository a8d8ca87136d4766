import { randomUUID } from 'node:crypto';
import type { BlobServiceClient } from '@azure/storage-blob';
import type { QueueClient } from '@azure/storage-queue';
import { note } from '../command/output.ts';

/** The name of the template's queue: infra/modules/events.bicep. */
export const STORED_CALLS_QUEUE = 'stored-calls';

/** A blob that has just become visible, and by which operation. */
interface BlobWrite {
  readonly api: 'PutBlob' | 'PutBlockList' | 'CopyBlob';
  readonly container: string;
  readonly name: string;
}

/** What Event Grid says of a blob besides its name. */
interface BlobFacts {
  readonly url: string;
  readonly contentType?: string | undefined;
  readonly contentLength?: number | undefined;
  readonly etag?: string | undefined;
}

/** A line of Azurite's access log. Undefined for whatever makes no blob visible. */
export function blobWriteIn(line: string): BlobWrite | undefined {
  const [, target = '', status] = /"PUT (\S+) HTTP\/[\d.]+" (20[12]) /.exec(line) ?? [];
  if (status === undefined) return undefined;
  const { pathname, searchParams } = new URL(target, 'http://127.0.0.1');
  const [, , container, ...name] = pathname.split('/').map(decodeURIComponent);
  if (container === undefined || name.length === 0 || searchParams.has('restype')) return undefined;
  const blob = { container, name: name.join('/') };
  switch (searchParams.get('comp')) {
    case null:
      return { api: status === '202' ? 'CopyBlob' : 'PutBlob', ...blob };
    case 'blocklist':
      return { api: 'PutBlockList', ...blob };
    default:
      return undefined;
  }
}

/** The event as the template's subscription asks for it: CloudEvents 1.0, https://learn.microsoft.com/azure/event-grid/event-schema-blob-storage */
export function blobCreated({ api, container, name }: BlobWrite, facts: BlobFacts, now: Date): object {
  const requestId = randomUUID();
  return {
    source:
      '/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/local/providers/Microsoft.Storage/storageAccounts/devstoreaccount1',
    subject: `/blobServices/default/containers/${container}/blobs/${name}`,
    type: 'Microsoft.Storage.BlobCreated',
    time: now.toISOString(),
    id: randomUUID(),
    data: {
      api,
      clientRequestId: randomUUID(),
      requestId,
      eTag: facts.etag?.replaceAll('"', ''),
      contentType: facts.contentType,
      contentLength: facts.contentLength,
      blobType: 'BlockBlob',
      accessTier: 'Default',
      url: facts.url,
      sequencer: now.getTime().toString(16).padStart(48, '0'),
      storageDiagnostics: { batchId: requestId },
    },
    specversion: '1.0',
  };
}

/** Event Grid encodes its messages so: https://github.com/MicrosoftDocs/azure-docs/issues/102923 */
export function queueMessage(event: object): string {
  return Buffer.from(JSON.stringify(event)).toString('base64');
}

/** Stands in for Event Grid: a message in the queue for each blob that appears in one of the containers. */
export class StoredCallEvents {
  readonly #containers: ReadonlySet<string>;
  #account: { blobs: BlobServiceClient; queue: QueueClient } | undefined;
  #sent: Promise<void> = Promise.resolve();

  constructor(containers: Iterable<string>) {
    this.#containers = new Set(containers);
  }

  /** To be called before the first blob is written. Makes the queue. */
  async open(account: { blobs: BlobServiceClient; queue: QueueClient }): Promise<void> {
    await account.queue.createIfNotExists();
    this.#account = account;
  }

  /** Takes a line of Azurite's access log. */
  hear(line: string): void {
    const write = blobWriteIn(line);
    if (write === undefined || !this.#containers.has(write.container)) return;
    this.#sent = this.#sent
      .then(() => this.#send(write))
      .catch((error: unknown) => note(`No message about ${write.container}/${write.name}: ${error}`));
  }

  /** Resolves when all that was heard is in the queue. */
  close(): Promise<void> {
    return this.#sent;
  }

  async #send(write: BlobWrite): Promise<void> {
    if (this.#account === undefined) return;
    const { blobs, queue } = this.#account;
    const blob = blobs.getContainerClient(write.container).getBlobClient(write.name);
    const facts = { url: blob.url, ...(await blob.getProperties()) };
    await queue.sendMessage(queueMessage(blobCreated(write, facts, new Date())));
  }
}
