import { randomBytes } from 'node:crypto';
import type { CallerRecord } from '../../src/lib/callers/record.ts';
import type { Services } from '../../src/lib/services.ts';
import { type Answer, type Context, type SendOptions, send } from './context.ts';

export const BEARER = 'bearer_of_the_test';
export const INITIATION_PATH = '/elevenlabs/initiation/webhook';

/** The settings of an app whose initiation webhook is used, with a directory of its own. */
export function initiationSettings(more: Record<string, string | undefined> = {}): Record<string, string | undefined> {
  return {
    INITIATION_SECRET: `${BEARER},bearer_from_before`,
    CALLERS_STORAGE_PATH: `callers-${randomBytes(4).toString('hex')}`,
    ELEVENLABS_API_KEY: undefined,
    ELEVENLABS_API_BASE_URL: undefined,
    ...more,
  };
}

/** What ElevenLabs sends before an inbound call. */
export function question(more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    caller_id: '+31612345678',
    called_number: '+31201234567',
    agent_id: 'agent_of_the_test',
    call_sid: 'CA0123456789abcdef',
    conversation_id: 'conv_of_the_test',
    ...more,
  };
}

interface Question extends SendOptions {
  /** The value of the header Authorization; null for none. */
  readonly authorization?: string | null;
}

/** Asks the initiation webhook, as ElevenLabs does unless told otherwise. */
export function ask(
  context: Context,
  body: string | Record<string, unknown> = question(),
  { authorization = `Bearer ${BEARER}`, ...options }: Question = {},
): Promise<Answer> {
  const headers = authorization === null ? {} : { authorization };
  return send(context, typeof body === 'string' ? body : JSON.stringify(body), {
    path: INITIATION_PATH,
    header: null,
    ...options,
    headers: { ...headers, ...options.headers },
  });
}

/** Writes an entry of the directory, as the command `callers` does. */
export async function remember(
  { callers }: Pick<Services, 'callers'>,
  record: Partial<CallerRecord> & Pick<CallerRecord, 'number'>,
): Promise<void> {
  if (callers === undefined) throw new Error('The settings of the directory have a problem');
  const hash = await callers.hashOf(record.number);
  await callers.change(hash, () => ({ source: 'operator', updated_at: new Date().toISOString(), ...record }));
}
