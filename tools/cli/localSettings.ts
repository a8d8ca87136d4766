import { readFileSync } from 'node:fs';
import { Failure } from '../command/errors.ts';

/** What `npm start` and `npm run send` use for what is set nowhere else. The app itself knows none of it. */
export const developmentDefaults = {
  ELEVENLABS_WEBHOOK_SECRET: 'wsec_local_development_only',
  INITIATION_SECRET: 'initiation_local_development_only',
  AzureWebJobsStorage: 'UseDevelopmentStorage=true',
  ENABLE_AUDIO_STORAGE: 'true',
  FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: '209715200',
} as const;

/** local.settings.json cannot be used; the message says why and what to do. */
export class LocalSettingsError extends Failure {
  override readonly name = 'LocalSettingsError';

  constructor(problem: string, options?: ErrorOptions) {
    super(`local.settings.json ${problem}`, options);
  }
}

/**
 * The `Values` of local.settings.json in the repository's root, without empty ones; none when there is no such file.
 *
 * @throws LocalSettingsError for a file that is encrypted or not of the documented shape.
 */
export function readLocalSettings(
  file = new URL('../../local.settings.json', import.meta.url),
): Record<string, string> {
  const text = readIfPresent(file);
  if (text === undefined) return {};
  const settings = parse(text);
  if (settings['IsEncrypted'] === true) {
    throw new LocalSettingsError('is encrypted; run "func settings decrypt" once, then start again');
  }
  const values = settings['Values'] ?? {};
  if (!isObject(values)) throw new LocalSettingsError('must hold an object named "Values"');
  return Object.fromEntries(
    Object.entries(values)
      .map(toSetting)
      .filter(([, value]) => value !== ''),
  );
}

function readIfPresent(file: URL): string | undefined {
  try {
    return readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new LocalSettingsError('cannot be read', { cause: error });
  }
}

function parse(text: string): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    // The parser's own message quotes the text, which may hold secrets.
    const position = /at position (\d+)/.exec(String(cause))?.[1];
    const line = position === undefined ? '' : ` (line ${text.slice(0, Number(position)).split('\n').length})`;
    throw new LocalSettingsError(`is not valid JSON${line}; compare it with local.settings.json.example`);
  }
  if (!isObject(parsed)) throw new LocalSettingsError('must hold a JSON object');
  return parsed;
}

function toSetting([name, value]: [string, unknown]): [string, string] {
  if (typeof value === 'string') return [name, value];
  if (typeof value === 'number' || typeof value === 'boolean') return [name, String(value)];
  throw new LocalSettingsError(`must hold text for the setting ${name}`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
