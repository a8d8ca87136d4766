import { UsageError } from '../../command/errors.ts';
import { developmentDefaults, readLocalSettings } from '../localSettings.ts';

/** Of the app's webhooks, behind the base address. */
export const paths = { postCall: '/elevenlabs/webhook', preCall: '/elevenlabs/precall/webhook' } as const;
const loopback = new Set(['127.0.0.1', 'localhost', '[::1]']);

/** Which of the app's two webhooks. */
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

/**
 * The secret to sign with: the given one, else the app's own setting (the newest, when there are several), which the
 * endpoint before a call may have to itself. The development secret is for this machine only: elsewhere it would only ever
 * look like a wrong one.
 */
export function findSecret(
  { given, endpoint }: { given: string | undefined; endpoint: Endpoint },
  { webhook }: Target,
  environment: NodeJS.ProcessEnv,
): string {
  const names = [...(endpoint === 'preCall' ? ['ELEVENLABS_PRECALL_WEBHOOK_SECRET'] : []), 'ELEVENLABS_WEBHOOK_SECRET'];
  const secret = given ?? configured(names, environment)?.split(',')[0];
  if (secret) return secret;
  if (loopback.has(webhook.hostname)) return developmentDefaults.ELEVENLABS_WEBHOOK_SECRET;
  throw new UsageError('No secret to sign with: set ELEVENLABS_WEBHOOK_SECRET or use --secret');
}

/** As npm start reads them: the environment goes before the file, setting by setting. */
function configured(names: string[], environment: NodeJS.ProcessEnv): string | undefined {
  const local = readLocalSettings();
  return names.map((name) => environment[name] ?? local[name]).find((value) => value);
}
