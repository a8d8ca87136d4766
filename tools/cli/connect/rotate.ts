import type { WorkspaceWebhook } from '../../../src/lib/elevenlabs/workspaceSchemas.ts';
import { Failure } from '../../command/errors.ts';
import { confirmRestart, deleteLeftovers, finish, isUsed, prepare, resumable, webhooksAt } from './connect.ts';
import { ask, type ConnectContext, type ConnectOptions, confirm } from './context.ts';
import { secretOf } from './fingerprint.ts';
import { makeWebhook } from './makeWebhook.ts';
import { type Place, placesOf } from './places.ts';
import { type Running, takeSecret } from './takeSecret.ts';

/** ElevenLabs sends a transcription again for 41 minutes after the call (https://elevenlabs.io/docs/eleven-api/resources/webhooks). */
const RETRIES_OVER_MS = 45 * 60_000;

/** The webhooks at our address, by what a rotation has to do with them. */
interface Rotation {
  /** In use; the newest of them when a run died while it was letting the places choose. */
  readonly current: WorkspaceWebhook;
  readonly isHalfChosen: boolean;
  /** Newer than that and used by nobody: a run has died before it was chosen. */
  readonly begun: readonly WorkspaceWebhook[];
  /** Older and used by nobody any more. */
  readonly old: readonly WorkspaceWebhook[];
}

/**
 * A secret cannot be replaced, so a rotation is a second webhook with the same address. The first run makes it, lets the app take
 * its secret beside the old one, and chooses it wherever the old one was. A later one, when no retry is left, deletes the old.
 *
 * @throws Failure with what to do.
 */
export async function rotate(options: ConnectOptions, context: ConnectContext): Promise<void> {
  const running = await prepare(options, context);
  const ours = await webhooksAt(options, context);
  const places = await placesOf(ours, context);
  const { current, isHalfChosen, begun, old } = standingOf(ours, places);
  const secrets = await context.store.read();

  if (old.length > 0 && begun.length === 0 && !isHalfChosen) return endOld(old, { current, secrets, running });

  const found = isHalfChosen ? { webhook: current, secret: secretOf(current, secrets) } : resumable(begun, secrets);
  if (found?.secret !== undefined) {
    context.say(`${found.webhook.webhookId} is the new webhook.`);
    await takeSecret(found.secret, running);
    await finish({ ...found.webhook, retriesEnabled: false }, { ours, places, running });
  } else {
    if (isHalfChosen) throw new Failure(`The secret of ${current.webhookId} is not known here: name its vault.`);
    await deleteLeftovers(begun, running);
    confirmRestart(running);
    const made = await makeWebhook(ours, running);
    await takeSecret(made.secret, running);
    await finish({ ...made, isDisabled: false, retriesEnabled: false }, { ours, places, running });
  }
  context.say(
    'The old webhook stays for 45 minutes: ElevenLabs may still send again what it signed. Then run --rotate once more.',
  );
}

/** @throws Failure when nothing is in use that could be rotated. */
function standingOf(ours: readonly WorkspaceWebhook[], places: readonly Place[]): Rotation {
  const used = ours.filter((webhook) => isUsed(webhook, places));
  const [current] = used;
  if (current === undefined)
    throw new Failure('No webhook at this address is in use: connect first, without --rotate.');
  const unused = ours.filter((webhook) => !used.includes(webhook));
  const isNewer = ({ createdAtSeconds }: WorkspaceWebhook) => createdAtSeconds > current.createdAtSeconds;
  return {
    current,
    isHalfChosen: used.length > 1,
    begun: unused.filter(isNewer),
    old: unused.filter((webhook) => !isNewer(webhook)),
  };
}

interface End {
  readonly current: WorkspaceWebhook;
  readonly secrets: readonly string[];
  readonly running: Running;
}

/** Deletes the old webhook and takes its secret out of the store, when it is known which one that is. */
async function endOld(old: readonly WorkspaceWebhook[], { current, secrets, running }: End): Promise<void> {
  const { context, options, steps } = running;
  const leftMs = current.createdAtSeconds * 1000 + RETRIES_OVER_MS - context.now();
  if (leftMs > 0) {
    const minutes = Math.ceil(leftMs / 60_000);
    return context.say(
      `The old webhook stays for ${minutes} minutes more: ElevenLabs may still send again what it signed.`,
    );
  }
  const ids = old.map(({ webhookId }) => webhookId).join(', ');
  confirm(options, `The old webhook is used by nobody any more and is deleted: ${ids}.`);
  const gone = old.map((webhook) => secretOf(webhook, secrets)).filter((secret) => secret !== undefined);
  // First the secret: a run that dies here finds the webhook, by whose name it knows that there is something left to do.
  if (gone.length > 0 && context.store.kind !== 'print') {
    await steps.take(`Take its secret out of ${context.store.description}; the next restart of the app ends it`, () =>
      context.store.write(secrets.filter((secret) => !gone.includes(secret))),
    );
  } else {
    context.say('Take its secret out of ELEVENLABS_WEBHOOK_SECRET yourself, and restart the app.');
  }
  for (const { webhookId } of old) {
    await steps.take(`Delete the old webhook ${webhookId}`, () =>
      ask((call) => context.api.deleteWebhook(webhookId, call)),
    );
  }
}
