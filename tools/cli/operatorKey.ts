import type { ElevenLabsError } from '../../src/lib/elevenlabs/errors.ts';
import { mistakeIn } from '../../src/lib/settings/secrets.ts';
import { apiAddress } from '../../src/lib/settings/settingFields.ts';
import { askHidden } from '../command/askHidden.ts';
import { Failure, UsageError } from '../command/errors.ts';

const KEY = 'ELEVENLABS_OPERATOR_API_KEY';
const BASE_URL = 'ELEVENLABS_API_BASE_URL';
type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The operator's own key of ElevenLabs: from the environment, else asked for without echo where somebody can answer. It is
 * never stored.
 *
 * @throws UsageError when there is none, or one that was not pasted well.
 */
export async function readOperatorKey(environment: Environment = process.env): Promise<string> {
  const key = await readOptionalKey('', environment);
  if (key === '')
    throw new UsageError(`No key of ElevenLabs: set ${KEY}. It is yours, not the app's, and is not kept.`);
  return key;
}

/**
 * The same for whoever can do without: empty when nobody gives one.
 *
 * @param without what Enter alone does, for whoever is asked.
 * @throws UsageError for one that was not pasted well.
 */
export async function readOptionalKey(without: string, environment: Environment = process.env): Promise<string> {
  const known = environment[KEY];
  const notes = ['not shown', 'not kept', ...(without === '' ? [] : [`Enter ${without}`])].join('; ');
  const key = known || (process.stdin.isTTY ? await askHidden(`${KEY} (${notes}): `) : '');
  const mistake = key === '' ? undefined : mistakeIn(key);
  if (mistake !== undefined) throw new UsageError(`${KEY} ${mistake}`);
  return key;
}

/** @throws UsageError for an address that is not one of an API. */
export function readBaseUrl(settings: Environment): string {
  const parsed = apiAddress('https://api.elevenlabs.io').safeParse(settings[BASE_URL] || undefined);
  if (parsed.success) return parsed.data.replace(/\/$/, '');
  throw new UsageError(`${BASE_URL} ${parsed.error.issues.map(({ message }) => message).join(', ')}`);
}

/** What to do about an error of ElevenLabs, with the permission that the key lacks. */
export function explainElevenLabs(error: ElevenLabsError): Failure {
  return new Failure(`${error.message}${adviceFor(error)}`, { cause: error });
}

function adviceFor(error: ElevenLabsError): string {
  if (error.namesResidency)
    return `\nThe key is of a workspace with data residency: set ${BASE_URL} to its host, such as https://api.eu.residency.elevenlabs.io.`;
  if (error.reason === 'invalid_api_key') return `\n${KEY} is wrong, or belongs to another host than ${BASE_URL}.`;
  if (error.reason === 'missing_permission') return `\nThe key needs the permission ${permissionFor(error.operation)}.`;
  return '';
}

/** By what was asked: ElevenLabs' own text may repeat what was sent (https://elevenlabs.io/docs/api-reference/webhooks/list). */
export function permissionFor(operation: string): string {
  const [method = '', path = ''] = operation.split(' ');
  if (path.startsWith('/v1/workspace/webhooks')) return 'webhooks_write, and its owner has to be an administrator';
  if (path.startsWith('/v1/convai')) return method === 'GET' ? 'convai_read' : 'convai_write';
  if (path.startsWith('/v1/user')) return 'user_read';
  return method === 'GET' ? 'voices_read' : 'voices_write';
}
