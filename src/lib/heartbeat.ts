import * as z from 'zod/mini';
import type { StoragePath } from './settings/storagePath.ts';
import { type AttemptOptions, type Attempts, isAlreadyThere, isNotFound } from './storage/blobStorage.ts';

/** How one run of a timer ended. */
export interface TimerRun {
  readonly startedAt: Date;
  readonly endedAt: Date;
  /** What did not go well, by name; empty when all did. */
  readonly failing: readonly string[];
}

export interface StateArea {
  readonly storage: Attempts;
  readonly path: StoragePath;
}

const time = z.string();
const heartbeats = z.object({
  timers: z.record(
    z.string(),
    z.object({
      started_at: time,
      ended_at: time,
      outcome: z.enum(['ok', 'failed']),
      failing: z.array(z.string()),
      last_ok_at: z.nullable(time),
    }),
  ),
});
type Heartbeats = z.infer<typeof heartbeats>;

const NAME = 'heartbeat.json';
/** Timers of one app seldom end at the same moment. */
const TRIES = 10;

/** Writes the last run of a timer into `heartbeat.json` and leaves those of the others as they are. Times are ISO 8601, UTC. */
export async function noteRun(state: StateArea, timer: string, run: TimerRun): Promise<void> {
  for (let tries = 1; ; tries++) {
    const { value, conditions } = await read(state);
    const isOk = run.failing.length === 0;
    const endedAt = run.endedAt.toISOString();
    const entry = {
      started_at: run.startedAt.toISOString(),
      ended_at: endedAt,
      outcome: isOk ? ('ok' as const) : ('failed' as const),
      failing: [...run.failing],
      last_ok_at: isOk ? endedAt : (value.timers[timer]?.last_ok_at ?? null),
    };
    try {
      return await write(state, { timers: { ...value.timers, [timer]: entry } }, conditions);
    } catch (error) {
      if (!isAlreadyThere(error) || tries === TRIES) throw error;
    }
  }
}

/** Undefined for a timer that has not ended a run yet. */
export async function lastRunOf(
  state: StateArea,
  timer: string,
  limitMs: number,
): Promise<Heartbeats['timers'][string] | undefined> {
  return (await read(state, { totalMs: limitMs })).value.timers[timer];
}

type Conditions = { readonly ifNoneMatch: '*' } | { readonly ifMatch: string };

async function read(
  { storage, path }: StateArea,
  options: AttemptOptions = {},
): Promise<{ value: Heartbeats; conditions: Conditions }> {
  try {
    return await storage.attempt(
      path.container,
      async (container, abortSignal) => {
        const answer = await container.getBlockBlobClient(path.prefix + NAME).download(0, undefined, { abortSignal });
        const chunks: Buffer[] = [];
        for await (const chunk of answer.readableStreamBody ?? []) chunks.push(Buffer.from(chunk));
        return { value: parse(Buffer.concat(chunks).toString()), conditions: { ifMatch: answer.etag ?? '*' } };
      },
      options,
    );
  } catch (error) {
    if (isNotFound(error)) return { value: { timers: {} }, conditions: { ifNoneMatch: '*' } };
    throw error;
  }
}

/** One that cannot be read is written anew: it holds nothing that the next runs do not say again. */
function parse(text: string): Heartbeats {
  try {
    return heartbeats.parse(JSON.parse(text));
  } catch {
    return { timers: {} };
  }
}

async function write({ storage, path }: StateArea, value: Heartbeats, conditions: Conditions): Promise<void> {
  const bytes = Buffer.from(`${JSON.stringify(value, undefined, 2)}\n`);
  await storage.attempt(path.container, (container, abortSignal) =>
    container.getBlockBlobClient(path.prefix + NAME).upload(bytes, bytes.length, {
      abortSignal,
      conditions,
      blobHTTPHeaders: { blobContentType: 'application/json' },
    }),
  );
}
