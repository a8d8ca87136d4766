import * as z from 'zod/mini';
import type { StoragePath } from '../settings/storagePath.ts';
import { type Attempts, isNoContainer, isNotFound } from '../storage/blobStorage.ts';
import { listBlobs } from '../storage/listBlobs.ts';
import { readWhole } from '../storage/readWhole.ts';

/** What an erasure does, in this order; each step may be done twice. */
export const STEPS = ['tombstones', 'blobs', 'caller', 'voices', 'state', 'conversation'] as const;
export type Step = (typeof STEPS)[number];

const erasure = z.object({
  conversation_id: z.string(),
  /** The agents whose calls it was: tombstones lie in the folder of each. */
  agent_ids: z.array(z.string()),
  /** Nobody knew its agent: those are all that sent calls then. */
  of_any_agent: z._default(z.boolean(), false),
  /** ISO 8601, as all times here. */
  requested_at: z.string(),
  /** Null while something is left to do. */
  finished_at: z.nullable(z.string()),
  left: z.array(z.enum(STEPS)),
  /** An event of the call was stored when it was erased: nobody speaks with the clone any more. */
  is_over: z.boolean(),
  /** Clones at ElevenLabs that have to go; emptied when they are gone, as the next two. */
  voice_ids: z.array(z.string()),
  /** Samples whose records have to go, by their sha256. */
  samples: z.array(z.string()),
  /** Entries of the directory of callers that have to go, by the keyed hash of the number. */
  callers: z.array(z.string()),
});

/**
 * What is written down before anything of a call is destroyed, and stays: ids, times, and what is left to do. No number, and no
 * hash of one without the key.
 */
export type Erasure = z.infer<typeof erasure>;

export interface StateArea {
  readonly storage: Attempts;
  /** `STATE_STORAGE_PATH`. */
  readonly path: StoragePath;
}

const FOLDER = 'erased/';

const nameOf = ({ path }: StateArea, conversationId: string) => `${path.prefix}${FOLDER}${conversationId}.json`;

export async function readErasure(area: StateArea, conversationId: string): Promise<Erasure | undefined> {
  try {
    const text = await area.storage.attempt(area.path.container, (client, signal) =>
      readWhole(client.getBlobClient(nameOf(area, conversationId)), signal).catch((error: unknown) => {
        if (isNoContainer(error)) return undefined;
        throw error;
      }),
    );
    return text && erasure.parse(JSON.parse(text.toString()));
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Replaces what was written down before: two who erase the same call do the same. */
export async function writeErasure(area: StateArea, value: Erasure): Promise<void> {
  const bytes = Buffer.from(`${JSON.stringify(value, undefined, 2)}\n`);
  await area.storage.attempt(area.path.container, (client, abortSignal) =>
    client.getBlockBlobClient(nameOf(area, value.conversation_id)).upload(bytes, bytes.length, {
      abortSignal,
      blobHTTPHeaders: { blobContentType: 'application/json' },
      metadata: { left: String(value.left.length), requested_at: value.requested_at },
    }),
  );
}

interface Listed {
  readonly conversationId: string;
  readonly isFinished: boolean;
  readonly requestedAt: Date;
}

/** The conversations that were erased, from one listing. */
export async function* listErasures({ storage, path }: StateArea): AsyncGenerator<Listed, void, undefined> {
  const prefix = path.prefix + FOLDER;
  for await (const { name, metadata = {}, properties } of listBlobs(storage, { ...path, prefix })) {
    yield {
      conversationId: name.slice(prefix.length).replace(/\.json$/, ''),
      isFinished: metadata['left'] === '0',
      requestedAt: new Date(metadata['requested_at'] ?? properties.lastModified),
    };
  }
}
