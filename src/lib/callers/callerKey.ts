import { createHmac, randomBytes } from 'node:crypto';
import * as z from 'zod/mini';
import type { StoragePath } from '../settings/storagePath.ts';
import { type Attempts, isAlreadyThere, isNoContainer, isNotFound } from '../storage/blobStorage.ts';
import { readWhole } from '../storage/readWhole.ts';

interface KeyArea {
  readonly storage: Attempts;
  /** `STATE_STORAGE_PATH`. */
  readonly path: StoragePath;
}

const NAME = 'caller-key.json';
/** As many digits of the hash as pre-call keeps in its records and in the clone's label `caller`. */
const LABEL_DIGITS = 32;

const stored = z.object({ key: z.string().check(z.regex(/^[0-9a-f]{64}$/)) });

/**
 * The key under which numbers are hashed: 32 random bytes, written once as `caller-key.json` in the state area, by whoever
 * needs it first. Who loses it no longer finds a caller by number.
 */
export async function callerKey(area: KeyArea): Promise<Buffer> {
  for (;;) {
    const found = await readCallerKey(area);
    if (found !== undefined) return found;
    const bytes = Buffer.from(`${JSON.stringify({ key: randomBytes(32).toString('hex') })}\n`);
    await area.storage
      .attempt(area.path.container, (container, abortSignal) =>
        container.getBlockBlobClient(area.path.prefix + NAME).upload(bytes, bytes.length, {
          abortSignal,
          conditions: { ifNoneMatch: '*' },
          blobHTTPHeaders: { blobContentType: 'application/json' },
        }),
      )
      .catch((error: unknown) => {
        if (!isAlreadyThere(error)) throw error;
      });
  }
}

/** The same, read once for a whole process: by whoever needs it first, and again after that has failed. */
export function rememberedKey(area: KeyArea): () => Promise<Buffer> {
  let key: Promise<Buffer> | undefined;
  return () => {
    key ??= callerKey(area).catch((error: unknown) => {
      key = undefined;
      throw error;
    });
    return key;
  };
}

/** The key as it is; undefined when nobody has needed it yet, and so nothing is hashed with it. */
export async function readCallerKey({ storage, path }: KeyArea): Promise<Buffer | undefined> {
  try {
    const text = await storage.attempt(path.container, (container, signal) =>
      readWhole(container.getBlockBlobClient(path.prefix + NAME), signal).catch((error: unknown) => {
        if (isNoContainer(error)) return undefined;
        throw error;
      }),
    );
    return text && Buffer.from(stored.parse(JSON.parse(text.toString())).key, 'hex');
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/**
 * HMAC-SHA256 of a number in its one form (`normaliseNumber`), as 64 hex digits: the name of its entry in the directory of
 * callers. Telephone numbers are few enough to try all of them, so a hash without a key would hide nothing.
 */
export function hashOfNumber(key: Buffer, number: string): string {
  return createHmac('sha256', key).update(number).digest('hex');
}

/** The part of the hash that pre-call keeps: enough to tell callers apart, and short enough for a label. */
export function labelOfNumber(key: Buffer, number: string): string {
  return hashOfNumber(key, number).slice(0, LABEL_DIGITS);
}
