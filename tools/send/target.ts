import { developmentDefaults, readLocalSettings } from '../localSettings.ts';
import { UsageError } from './options.ts';

const webhookPath = '/elevenlabs/webhook';
const loopback = new Set(['127.0.0.1', 'localhost', '[::1]']);

/** Where to send to, from a base address or the full address of the webhook. */
export interface Target {
  webhook: URL;
  health: URL;
}

export function readTarget(address: string): Target {
  const webhook = URL.canParse(address) ? new URL(address) : undefined;
  if (webhook === undefined || !['http:', 'https:'].includes(webhook.protocol)) {
    throw new UsageError(`--url ${address}: not an http or https address`);
  }
  const base = webhook.pathname.endsWith(webhookPath) ? webhook.pathname.slice(0, -webhookPath.length) : '';
  if (webhook.pathname === '/') webhook.pathname = webhookPath;
  return { webhook, health: new URL(`${base}/health`, webhook) };
}

/**
 * The secret to sign with: the given one, else the app's own setting (the newest, when there are several). The development
 * secret is for this machine only: elsewhere it would only ever look like a wrong one.
 */
export function findSecret(given: string | undefined, { webhook }: Target, environment: NodeJS.ProcessEnv): string {
  const configured = () => environment['ELEVENLABS_WEBHOOK_SECRET'] || readLocalSettings()['ELEVENLABS_WEBHOOK_SECRET'];
  const secret = given ?? configured()?.split(',')[0];
  if (secret) return secret;
  if (loopback.has(webhook.hostname)) return developmentDefaults.ELEVENLABS_WEBHOOK_SECRET;
  throw new UsageError('No secret to sign with: set ELEVENLABS_WEBHOOK_SECRET or use --secret');
}
