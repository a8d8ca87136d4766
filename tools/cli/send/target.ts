import { UsageError } from '../../command/errors.ts';
import { developmentDefaults, readLocalSettings } from '../localSettings.ts';

/** Of the app's webhooks, behind the base address. */
export const paths = {
  postCall: '/elevenlabs/webhook',
  preCall: '/elevenlabs/precall/webhook',
  initiation: '/elevenlabs/initiation/webhook',
} as const;
const loopback = new Set(['127.0.0.1', 'localhost', '[::1]']);

/** Which of the app's webhooks. */
export type Endpoint = keyof typeof paths;

/** Where to send to, from a base address or the full address of a webhook. */
export interface Target {
  webhook: URL;
  health: URL;
}

/** @throws UsageError for what is not an http or https address, with the address that may have been meant. */
export function readTarget(address: string, endpoint: Endpoint = 'postCall'): Target {
  const webhook = URL.canParse(address) ? new URL(address) : undefined;
  if (webhook === undefined || !['http:', 'https:'].includes(webhook.protocol)) {
    throw new UsageError(`--url ${address}: not an http or https address${suggestion(address)}`);
  }
  const path = Object.values(paths).find((known) => webhook.pathname.endsWith(known));
  const base = path === undefined ? '' : webhook.pathname.slice(0, -path.length);
  if (webhook.pathname === '/') webhook.pathname = paths[endpoint];
  return { webhook, health: new URL(`${base}/health`, webhook) };
}

/** The scheme is what is left out most often; `localhost:7071` even parses, with a scheme `localhost:`. */
function suggestion(address: string): string {
  const rest = address.replace(/^[a-z+.-]+:\/+/i, '');
  const [host = ''] = rest.split(/[:/]/);
  const scheme = loopback.has(host) ? 'http' : 'https';
  return URL.canParse(`${scheme}://${rest}`) && host !== '' ? `. Is it --url ${scheme}://${rest}?` : '';
}

/** Where a secret is looked for, the first that is set. */
const SECRETS = {
  postCall: ['ELEVENLABS_WEBHOOK_SECRET'],
  preCall: ['ELEVENLABS_PRECALL_WEBHOOK_SECRET', 'ELEVENLABS_WEBHOOK_SECRET'],
  initiation: ['INITIATION_SECRET'],
} as const satisfies Record<Endpoint, readonly string[]>;

/**
 * The secret to sign with, or to show: the given one, else the app's own setting (the newest, when there are several), which
 * the endpoint before a call may have to itself. The development secret is for this machine only: elsewhere it would only ever
 * look like a wrong one.
 */
export function findSecret(
  { given, endpoint }: { given: string | undefined; endpoint: Endpoint },
  { webhook }: Target,
  environment: NodeJS.ProcessEnv,
): string {
  const names = SECRETS[endpoint];
  const secret = given ?? configured(names, environment)?.split(',')[0];
  if (secret) return secret;
  const setting = endpoint === 'initiation' ? 'INITIATION_SECRET' : 'ELEVENLABS_WEBHOOK_SECRET';
  if (loopback.has(webhook.hostname)) return developmentDefaults[setting];
  throw new UsageError(`No secret to send with: set ${setting} or use --secret`);
}

/** As npm start reads them: the environment goes before the file, setting by setting. */
function configured(names: readonly string[], environment: NodeJS.ProcessEnv): string | undefined {
  const local = readLocalSettings();
  return names.map((name) => environment[name] ?? local[name]).find((value) => value);
}
