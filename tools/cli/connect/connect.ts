import type { WorkspaceWebhook } from '../../../src/lib/elevenlabs/workspaceSchemas.ts';
import { Failure } from '../../command/errors.ts';
import { askApp } from '../webhookCheck.ts';
import { ask, type ConnectContext, type ConnectOptions, confirm, Steps } from './context.ts';
import { isOurName, secretOf } from './fingerprint.ts';
import { makeWebhook } from './makeWebhook.ts';
import { choose, isChosen, nameOf, type Place, placesOf, readPlaces, refuseOthers } from './places.ts';
import { notProved, RESTART, type Running, takeSecret } from './takeSecret.ts';

/** A webhook at our address that is gone on with; without a secret when none that is stored is known to be its own. */
export interface Found {
  readonly webhook: WorkspaceWebhook;
  readonly secret: string | undefined;
}

/**
 * Connects agents of ElevenLabs to the app. A call that comes before the app knows the secret is lost, so the order is fixed:
 * create, store, make the app take it, prove it, and only then choose it. Whenever it dies, another run goes on.
 *
 * @throws Failure with what to do; what needs a confirmation is said before anything is changed.
 */
export async function connect(options: ConnectOptions, context: ConnectContext): Promise<void> {
  const running = await prepare(options, context);
  const ours = await webhooksAt(options, context);
  const places = await readPlaces(options, context);
  refuseOthers(places, ours, options);

  const secrets = await context.store.read();
  const isUnsaid = ours.some(({ usages }) => usages === undefined);
  const users = isUnsaid ? [...places, ...(await placesOf(ours, context))] : places;
  const used = ours.filter((webhook) => isUsed(webhook, users));
  const found = used.length > 0 ? pick(used, places, secrets) : resumable(ours, secrets);
  if (found !== undefined) return goOn(found, { ours, places, running });

  await deleteLeftovers(ours, running);
  confirmRestart(running);
  const { webhookId, name, secret } = await makeWebhook([], running);
  await takeSecret(secret, running);
  await finish({ webhookId, name, isDisabled: false, retriesEnabled: false }, { ours, places, running });
}

/** What has to be in order before anything is made. @throws Failure */
export async function prepare(options: ConnectOptions, context: ConnectContext): Promise<Running> {
  const { webhook, health } = options.target;
  const answer = await askApp(health);
  if (answer.json['service'] !== 'elevenlabs-webhook') {
    const said = answer.status === 200 ? `${health.href} is not this app.` : notProved(answer);
    throw new Failure(`${said} The app has to run before it can be connected. Nothing was done.`);
  }
  const site = context.azure === undefined ? undefined : await context.azure.findSite(webhook.hostname);
  if (context.azure !== undefined && site === undefined) {
    throw new Failure(
      `Your sign-in sees no function app that answers at ${webhook.hostname} (role Reader). Nothing was done.`,
    );
  }
  return { options, context, site, steps: new Steps(options, context) };
}

/** Those with exactly this address, the newest first. */
export async function webhooksAt({ target }: ConnectOptions, { api }: ConnectContext): Promise<WorkspaceWebhook[]> {
  const all = await ask((call) => api.listWebhooks(call));
  return all
    .filter(({ url }) => URL.parse(url)?.href === target.webhook.href)
    .sort((one, other) => other.createdAtSeconds - one.createdAtSeconds);
}

/** @throws Failure when ElevenLabs does not say, which only an administrator's key is told. */
export function isUsed({ webhookId, usages }: WorkspaceWebhook, places: readonly Place[]): boolean {
  if (places.some(({ choice }) => choice.webhookId === webhookId)) return true;
  if (usages !== undefined) return usages.length > 0;
  throw new Failure(
    `ElevenLabs does not tell this key what uses the webhook ${webhookId}: take the key of an administrator. Nothing was done.`,
  );
}

export function confirmRestart({ options, site }: Running): void {
  if (site !== undefined) confirm(options, RESTART);
}

/** Deletes webhooks that nobody uses and whose secret nobody knows. */
export async function deleteLeftovers(leftovers: readonly WorkspaceWebhook[], running: Running): Promise<void> {
  if (leftovers.length === 0) return;
  const ids = leftovers.map(({ webhookId }) => webhookId).join(', ');
  confirm(
    running.options,
    `At this address is a webhook that nobody uses and whose secret is not known here: ${ids}.
It is deleted and made anew. If it is to stay, --vault NAME (or ELEVENLABS_WEBHOOK_SECRET with --print) may know its secret.`,
  );
  for (const { webhookId } of leftovers) {
    await running.steps.take(`Delete the webhook ${webhookId}, which nobody uses`, () =>
      ask((call) => running.context.api.deleteWebhook(webhookId, call)),
    );
  }
}

/** The one that our places have chosen, else the newest. */
function pick(
  used: readonly WorkspaceWebhook[],
  places: readonly Place[],
  secrets: readonly string[],
): Found | undefined {
  const webhook = used.find((one) => places.some(({ choice }) => choice.webhookId === one.webhookId)) ?? used[0];
  return webhook && { webhook, secret: secretOf(webhook, secrets) };
}

/** One that a run has left whose secret was stored. */
export function resumable(unused: readonly WorkspaceWebhook[], secrets: readonly string[]): Found | undefined {
  const all = unused.map((webhook) => ({ webhook, secret: secretOf(webhook, secrets) }));
  return all.find(({ secret }) => secret !== undefined);
}

interface Rest {
  readonly ours: readonly WorkspaceWebhook[];
  readonly places: readonly Place[];
  readonly running: Running;
}

async function goOn({ webhook, secret }: Found, { ours, places, running }: Rest): Promise<void> {
  const { context } = running;
  context.say(`${webhook.webhookId} is the webhook at this address.`);
  const [newest] = await context.store.read();
  const isDone = places.every((place) => isChosen(place, webhook.webhookId)) && !needsChange(webhook);
  const known = secret ?? newest;
  if (known !== undefined) await takeSecret(known, running);
  else if (isDone) context.say('Its secret is not known here, so it is not proved that the app has it.');
  else {
    throw new Failure(
      'Its secret is not known here and cannot be read again: name its vault, or make another with --rotate.',
    );
  }
  await finish({ ...webhook, isDisabled: webhook.isDisabled || webhook.isAutoDisabled }, { ours, places, running });
}

interface Finished {
  readonly webhookId: string;
  readonly name: string;
  readonly isDisabled: boolean;
  readonly retriesEnabled: boolean | undefined;
}

/** Switches retries on, and lets the places choose it. */
export async function finish(webhook: Finished, { ours, places, running }: Rest): Promise<void> {
  const { context, steps } = running;
  const { webhookId, name } = webhook;
  const all = [...ours.filter((one) => one.webhookId !== webhookId), webhook];
  const isChosenAnywhere = places.some((place) => place.choice.webhookId === webhookId);
  if (needsChange(webhook) || !isChosenAnywhere) {
    const again = webhook.isDisabled ? 'Switch it on again, with' : 'Switch on its';
    await steps.take(`${again} retries`, async () => {
      await ask((call) =>
        context.api.changeWebhook({ webhookId, name, isDisabled: false, retriesEnabled: true }, call),
      );
      if (webhook.isDisabled) await expectEnabled(webhookId, running);
    });
  }
  const unready = places.filter((place) => !isChosen(place, webhookId));
  for (const place of unready) await choose(place, webhookId, all, { steps, context });
  const whose = places.map(nameOf).join(', ');
  if (unready.length === 0) context.say(`Nothing is left to do: ${whose} sends every call here.`);
  else if (!running.options.isDryRun) context.say(`Connected: from now on ${whose} sends every call here.`);
}

/** That this also works for one that ElevenLabs has switched off by itself is documented for its settings page only. @throws Failure */
async function expectEnabled(webhookId: string, { context, options }: Running): Promise<void> {
  const webhook = (await webhooksAt(options, context)).find((one) => one.webhookId === webhookId);
  if (webhook === undefined || webhook.isDisabled || webhook.isAutoDisabled) {
    throw new Failure(
      `ElevenLabs keeps ${webhookId} switched off: switch it on in its webhook settings, then run this again.`,
    );
  }
}

/** Its name says that retries were switched on before it was chosen, when the listing does not say it. */
function needsChange({ name, isDisabled, retriesEnabled }: Finished): boolean {
  return isDisabled || !(retriesEnabled ?? isOurName(name));
}
