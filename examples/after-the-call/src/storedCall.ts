/** A stored transcript, as a message names it. */
export interface StoredCall {
  readonly container: string;
  readonly name: string;
  readonly agentId: string;
  readonly conversationId: string;
}

/** Only the first body of a call has this form: the name of a second one has a hash before `.json`. */
const FIRST_TRANSCRIPT = /^([A-Za-z0-9_-]+)\/([A-Za-z0-9_-]+)\.json$/;

/**
 * The transcript that a message is about; undefined for every other blob. Forms of the message:
 * https://learn.microsoft.com/azure/event-grid/event-schema-blob-storage
 *
 * Throws for what is no event of a storage account: nobody but Event Grid should write to this queue.
 */
export function storedCallIn(message: unknown, transcriptPath: string): StoredCall | undefined {
  const { type, subject } = (message ?? {}) as { type?: unknown; subject?: unknown };
  if (typeof type !== 'string' || typeof subject !== 'string')
    throw new Error('The message is not a CloudEvent of a storage account');
  if (type !== 'Microsoft.Storage.BlobCreated') return undefined;

  const [, container, name] = /^\/?blobServices\/default\/containers\/([^/]+)\/blobs\/(.+)$/.exec(subject) ?? [];
  if (container === undefined || name === undefined) return undefined;
  const path = `${container}/${name}`;
  if (!path.startsWith(`${transcriptPath}/`)) return undefined;
  const [, agentId, conversationId] = FIRST_TRANSCRIPT.exec(path.slice(transcriptPath.length + 1)) ?? [];
  if (agentId === undefined || conversationId === undefined) return undefined;
  return { container, name, agentId, conversationId };
}
