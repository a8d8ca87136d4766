import type { StoragePath } from '../settings/storagePath.ts';
import { isTombstone } from '../storage/erasures.ts';
import type { ReconcileContext } from './context.ts';

/** What storage has of a call. */
export interface Here {
  /** In either form. */
  readonly transcript: boolean;
  readonly recording: boolean;
  /** As the stored transcript says it; undefined when it does not. */
  readonly hasAudio: boolean | undefined;
  readonly isErased: boolean;
}

interface CallName {
  readonly agentId: string;
  readonly id: string;
}

/**
 * At most two requests, one for each container that something is expected in: a listing of the names of one call, with their
 * metadata, is one request and finds every form.
 */
export async function lookFor(context: ReconcileContext, call: CallName): Promise<Here> {
  const { paths, storesTranscripts, storesAudio } = context.store;
  const transcripts = storesTranscripts ? await blobsOf(context, paths.transcripts, call) : new Map();
  const transcript = transcripts.get('json') ?? transcripts.get('otel.json');
  const hasAudio = readBoolean(transcripts.get('json')?.['call_has_audio']);
  const isErased = [...transcripts.values()].some(isTombstone);
  const asksForAudio = storesAudio && !isErased && !(transcript !== undefined && hasAudio === false);
  const recording = asksForAudio ? (await blobsOf(context, paths.audio, call)).get('mp3') : undefined;
  return {
    transcript: transcript !== undefined,
    recording: recording !== undefined,
    hasAudio,
    isErased: isErased || (recording !== undefined && isTombstone(recording)),
  };
}

/** Whether the event of a call that could not be made is here, or has been erased. */
export async function isFailureHere(context: ReconcileContext, call: CallName): Promise<boolean> {
  return (await blobsOf(context, context.store.paths.callFailures, call)).has('json');
}

/** The metadata of what has the call's own name in an area, by its extension. What went beside it has a longer one. */
async function blobsOf(
  { storage }: ReconcileContext,
  path: StoragePath,
  { agentId, id }: CallName,
): Promise<Map<string, Readonly<Record<string, string>>>> {
  const prefix = `${path.prefix}${agentId}/${id}.`;
  return storage.attempt(path.container, async (container, abortSignal) => {
    const found = new Map<string, Readonly<Record<string, string>>>();
    const options = { prefix, includeMetadata: true, includeCopy: true, abortSignal };
    for await (const { name, metadata = {}, properties } of container.listBlobsFlat(options)) {
      // A copy that has not come to its end may never do so; whoever writes that name waits for it.
      if ((properties.copyStatus ?? 'success') === 'success') found.set(name.slice(prefix.length), metadata);
    }
    return found;
  });
}

/** The agents of which something is stored: the folders right below the areas of calls. */
export async function storedAgents({ storage, store }: ReconcileContext): Promise<string[]> {
  const { transcripts, audio, callFailures } = store.paths;
  const agents = new Set<string>();
  for (const { container: name, prefix } of [transcripts, audio, callFailures]) {
    await storage.attempt(name, async (container, abortSignal) => {
      for await (const item of container.listBlobsByHierarchy('/', { prefix, abortSignal })) {
        const agent = item.name.slice(prefix.length, -1);
        if (item.kind === 'prefix' && /^[A-Za-z0-9_-]{1,256}$/.test(agent)) agents.add(agent);
      }
    });
  }
  return [...agents].sort();
}

function readBoolean(text: string | undefined): boolean | undefined {
  return text === 'true' ? true : text === 'false' ? false : undefined;
}
