import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { InitiationWebhook } from '../../../src/lib/elevenlabs/initiationSchemas.ts';
import { Failure } from '../../command/errors.ts';
import { progress } from '../../command/output.ts';
import { checkInitiation } from '../webhookCheck.ts';
import { confirmRestart, prepare } from './connect.ts';
import { ask, type ConnectContext, type ConnectOptions } from './context.ts';
import { nameFor } from './fingerprint.ts';
import { nameOf } from './places.ts';
import { MAX_SECRETS, withNewest } from './secretStore.ts';
import { notProved, type Running } from './takeSecret.ts';

export interface InitiationOptions extends ConnectOptions {
  /** A new secret in front of those that the app has. */
  readonly makesAnother: boolean;
}

interface AskingPlace {
  /** Undefined: the workspace. */
  readonly agentId: string | undefined;
  readonly webhook: InitiationWebhook | undefined;
}

const SECRET_BYTES = 32;

/**
 * Lets ElevenLabs ask the app before calls. An answer of 401 can end a call, so the order is fixed: the app knows the secret,
 * that is proved, and only then the webhook is set and agents begin to ask. Run again, it goes on.
 *
 * @throws Failure with what to do.
 */
export async function connectInitiation(options: InitiationOptions, context: ConnectContext): Promise<void> {
  const running = await prepare(options, context);
  const places = await readPlaces(options, context);
  refuseOthers(places, options);
  const secret = await haveSecret(options, running);
  await prove(secret, running);
  const secretId = await headerOf(secret, running);
  for (const place of places) await setWebhook(place, secretId, running);
  for (const agentId of new Set(options.agentIds)) await letAsk(agentId, running);
  if (options.agentIds.length === 0) {
    context.say(
      'Which agents ask is theirs to say: run this again with --agent ID for each, or switch it on in their Security settings.',
    );
  }
}

async function readPlaces({ agentIds }: ConnectOptions, { api }: ConnectContext): Promise<AskingPlace[]> {
  const places: AskingPlace[] = [];
  if (agentIds.length === 0) {
    places.push({ agentId: undefined, webhook: await ask((call) => api.getInitiationWebhook(call)) });
  }
  for (const agentId of new Set(agentIds)) {
    const { initiation } = await ask((call) => api.getAgentSettings(agentId, call));
    places.push({ agentId, webhook: initiation.own });
  }
  return places;
}

function refuseOthers(places: readonly AskingPlace[], { target, replacesOthers }: ConnectOptions): void {
  const taken = places.filter(({ webhook }) => webhook !== undefined && webhook.url !== target.webhook.href);
  if (replacesOthers || taken.length === 0) return;
  const list = taken.map((place) => `${nameOf(place)}: ${place.webhook?.url}`).join('\n  ');
  throw new Failure(
    `Another address is asked before calls:\n  ${list}\n--replace-webhook replaces it. Nothing was done.`,
  );
}

/** The newest one that the app has, else a new one. Empty in a dry run that would have made one. */
async function haveSecret({ makesAnother }: InitiationOptions, { context, steps }: Running): Promise<string> {
  const { store } = context;
  const stored = await store.read();
  const [newest] = stored;
  if (newest !== undefined && !makesAnother) return newest;
  const says =
    store.kind === 'print' ? 'Make a secret and show it, once' : `Make a secret and store it in ${store.description}`;
  const made = await steps.take(says, async () => {
    const secret = `init_${randomBytes(SECRET_BYTES).toString('base64url')}`;
    const { secrets, dropped } = withNewest(secret, stored, () => false);
    if (dropped > 0) context.say(`The app takes ${MAX_SECRETS} secrets: the oldest was dropped.`);
    await store.write(secrets);
    return secret;
  });
  return made ?? '';
}

/** Makes the app take the secret, and sees that it does. @throws Failure */
async function prove(secret: string, running: Running): Promise<void> {
  const { options, context, steps, site } = running;
  const { webhook } = options.target;
  if (secret !== '' && (await checkInitiation(webhook, secret)).status === 200) {
    return context.say('The app answers 200 to this secret.');
  }
  const { azure, store, patience } = context;
  if (site !== undefined && azure !== undefined) {
    confirmRestart(running);
    await steps.take(`Restart ${site.name}: deliveries under way end.`, async () => {
      await azure.refreshReferences(site);
      await azure.restart(site);
    });
  } else {
    context.say(
      store.kind === 'file'
        ? 'Now start npm start again (Ctrl-C first): it reads local.settings.json as it starts.'
        : 'Now put the secret first into INITIATION_SECRET of the app, and restart it.',
    );
  }
  await steps.take(`Prove it: a question to ${webhook.href}`, async () => {
    const end = performance.now() + patience.waitMs;
    for (;;) {
      const answer = await checkInitiation(webhook, secret);
      if (answer.status === 200) return progress('');
      if (performance.now() >= end || answer.status === 403) {
        progress('');
        throw new Failure(
          `${notProved(answer)}\nNothing has been set, so calls begin as before. The same command goes on from here.`,
        );
      }
      progress(`waiting for the app: ${answer.status ?? answer.problem}`);
      await sleep(patience.everyMs);
    }
  });
}

/** A secret of the workspace with the whole header, so that nobody who may read settings reads it. */
async function headerOf(secret: string, { context, steps }: Running): Promise<string> {
  const name = `${nameFor(secret)} before calls`;
  const known = (await ask((call) => context.api.listSecrets(call))).find((one) => one.name === name);
  if (known !== undefined) return known.secretId;
  const made = await steps.take('Give it to ElevenLabs, as a secret of the workspace', () =>
    ask((call) => context.api.createSecret({ name, value: `Bearer ${secret}` }, call)),
  );
  return made ?? '';
}

async function setWebhook(place: AskingPlace, secretId: string, { options, context, steps }: Running): Promise<void> {
  const url = options.target.webhook.href;
  if (isSet(place.webhook, url, secretId)) return context.say(`${nameOf(place)} asks ${url} already.`);
  await steps.take(`Let ${nameOf(place)} ask ${url}`, async () => {
    await ask((call) => context.api.setInitiationWebhook({ agentId: place.agentId, url, secretId }, call));
    const [now] = await readPlaces(
      { ...options, agentIds: place.agentId === undefined ? [] : [place.agentId] },
      context,
    );
    if (!isSet(now?.webhook, url, secretId)) {
      throw new Failure(
        `ElevenLabs took the address for ${nameOf(place)} without an error, and has not kept it. Try again.`,
      );
    }
  });
}

function isSet(webhook: InitiationWebhook | undefined, url: string, secretId: string): boolean {
  const header = webhook?.headers['authorization'];
  return webhook?.url === url && typeof header === 'object' && header.secretId === secretId;
}

/** Without the flag ElevenLabs never asks, and nothing says so. */
async function letAsk(agentId: string, { context, steps }: Running): Promise<void> {
  const isReady = async () => {
    const { initiation, allowedOverrides } = await ask((call) => context.api.getAgentSettings(agentId, call));
    return initiation.isAsked && allowsAll(allowedOverrides);
  };
  if (await isReady())
    return context.say(`agent ${agentId} asks before its calls, and allows voice, greeting and language.`);
  await steps.take(`Let agent ${agentId} ask before its calls, and allow voice, greeting and language`, async () => {
    await ask((call) => context.api.askBeforeCalls(agentId, call));
    if (!(await isReady())) {
      throw new Failure(
        `ElevenLabs took the settings of agent ${agentId} without an error, and has not kept them. Try again.`,
      );
    }
  });
}

function allowsAll({ agent, tts }: Readonly<Record<string, unknown>>): boolean {
  const has = (group: unknown, name: string) =>
    typeof group === 'object' && group !== null && Reflect.get(group, name) === true;
  return has(agent, 'first_message') && has(agent, 'language') && has(tts, 'voice_id');
}
