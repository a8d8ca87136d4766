import type { WorkspaceWebhook } from '../../../src/lib/elevenlabs/workspaceSchemas.ts';
import { mistakeIn } from '../../../src/lib/settings/secrets.ts';
import { Failure } from '../../command/errors.ts';
import { ask } from './context.ts';
import { nameFor, namelessWebhook, secretOf } from './fingerprint.ts';
import { MAX_SECRETS, withNewest } from './secretStore.ts';
import type { Running } from './takeSecret.ts';

/** A webhook and the secret that it signs with. */
export interface Connected {
  readonly webhookId: string;
  readonly name: string;
  readonly secret: string;
}

/** Stands for it in a dry run. */
const NOT_MADE: Connected = { webhookId: 'the new webhook', name: namelessWebhook, secret: '' };

/**
 * Creates a webhook and stores its secret. Its name tells the secret before the secret is stored: whenever the run dies, the
 * next one either knows whose secret it is, or finds that it is nobody's.
 *
 * @param ours the webhooks at this address, whose secrets stay in a full list.
 * @throws Failure when the secret could not be stored; the webhook is deleted again.
 */
export async function makeWebhook(ours: readonly WorkspaceWebhook[], running: Running): Promise<Connected> {
  const { options, context, steps } = running;
  const url = options.target.webhook.href;
  const made = await steps.take(`Create a webhook with HMAC for ${url}`, async () => {
    const { webhookId, secret } = await ask((call) => context.api.createWebhook({ name: namelessWebhook, url }, call));
    return { webhookId, secret, name: nameFor(secret) };
  });
  const { kind, description } = context.store;
  const storing = kind === 'print' ? 'Show its secret, once' : `Store its secret in ${description}, before the others`;
  await steps.take(storing, async () => {
    if (made === undefined) return;
    try {
      await store(made, ours, running);
    } catch (error) {
      await deleteAgain(made, error, running);
    }
  });
  return made ?? NOT_MADE;
}

async function store({ webhookId, name, secret }: Connected, ours: readonly WorkspaceWebhook[], running: Running) {
  const { api, store, say } = running.context;
  if (secret.includes(',') || mistakeIn(secret) !== undefined) throw new Failure('The app could not take this secret.');
  await ask((call) => api.changeWebhook({ webhookId, name, isDisabled: false }, call));
  const stored = await store.read();
  const { secrets, dropped } = withNewest(secret, stored, (one) => ours.some(({ name }) => name === nameFor(one)));
  if (dropped > 0)
    say(`The app takes ${MAX_SECRETS} secrets: the oldest that no webhook here is known to use was dropped.`);
  try {
    await store.write(secrets);
  } catch (error) {
    // The answer may have been lost on its way.
    if (secretOf({ name }, await store.read().catch(() => [])) === undefined) throw error;
  }
}

async function deleteAgain({ webhookId }: Connected, error: unknown, { context }: Running): Promise<never> {
  const reason = error instanceof Error ? error.message : String(error);
  try {
    await ask((call) => context.api.deleteWebhook(webhookId, call));
  } catch (cause) {
    const failed = cause instanceof Error ? cause.message : String(cause);
    throw new Failure(
      `The secret could not be stored. ${reason}\nThe webhook ${webhookId} could not be deleted either; nobody uses it. ${failed}`,
      { cause: error },
    );
  }
  throw new Failure(`The secret could not be stored, and the webhook was deleted again. ${reason}`, { cause: error });
}
