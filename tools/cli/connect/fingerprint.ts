import { createHash } from 'node:crypto';

const NAME = 'elevenlabs-webhook';

/** What a webhook is called until its secret is known. */
export const namelessWebhook = NAME;

/**
 * The name of a webhook with this secret. ElevenLabs shows a secret once, so the name is what tells later, after a run that
 * was killed, which of the stored secrets is this webhook's.
 *
 * @example nameFor('wsec_…') // 'elevenlabs-webhook 9f2c01d4a7be'
 */
export function nameFor(secret: string): string {
  return `${NAME} ${createHash('sha256').update(secret).digest('hex').slice(0, 12)}`;
}

/** The one among these secrets that the webhook signs with; undefined when that cannot be told. */
export function secretOf(webhook: { readonly name: string }, secrets: readonly string[]): string | undefined {
  return secrets.find((secret) => nameFor(secret) === webhook.name);
}

/** Whether `connect` has finished or begun it, and so would have switched retries on before it was chosen. */
export function isOurName(name: string): boolean {
  return /^elevenlabs-webhook [0-9a-f]{12}$/.test(name);
}
