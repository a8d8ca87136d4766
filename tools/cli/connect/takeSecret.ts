import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../command/errors.ts';
import { progress } from '../../command/output.ts';
import type { Site } from '../azure/azureApi.ts';
import { type AppAnswer, checkWebhook } from '../webhookCheck.ts';
import { type ConnectContext, type ConnectOptions, confirm, type Steps } from './context.ts';

export interface Running {
  readonly options: ConnectOptions;
  readonly context: ConnectContext;
  readonly steps: Steps;
  /** The app at Azure; undefined when it is not ours to restart. */
  readonly site: Site | undefined;
}

export const RESTART = 'The app has to be restarted, which ends deliveries under way (recordings are sent only once).';

/**
 * Makes the app take the secret, which is stored, and proves it.
 *
 * @param secret empty in a dry run that would have made one.
 * @throws Failure when the app does not answer 200.
 */
export async function takeSecret(secret: string, { options, context, steps, site }: Running): Promise<void> {
  const { webhook } = options.target;
  if (secret !== '' && (await checkWebhook(webhook, secret, context.now)).status === 200) {
    return context.say('The app answers 200 to a signed webhook_check.');
  }
  if (site !== undefined && context.azure !== undefined) {
    const { azure } = context;
    confirm(options, RESTART);
    await steps.take(`Restart ${site.name}: deliveries under way end.`, async () => {
      await azure.refreshReferences(site);
      await azure.restart(site);
    });
  } else {
    context.say(toDo(context));
  }
  await steps.take(`Prove it: a signed webhook_check to ${webhook.href}`, () => prove(secret, webhook, context));
}

function toDo({ store }: ConnectContext): string {
  if (store.kind === 'file')
    return 'Now start npm start again (Ctrl-C first): it reads local.settings.json as it starts.';
  return 'Now put the secret first into ELEVENLABS_WEBHOOK_SECRET of the app, a comma between it and the others, and restart it.';
}

async function prove(secret: string, webhook: URL, { patience, now }: ConnectContext): Promise<void> {
  const end = performance.now() + patience.waitMs;
  for (;;) {
    const answer = await checkWebhook(webhook, secret, now);
    const seconds = Math.max(0, Math.round((end - performance.now()) / 1000));
    if (answer.status === 200) return progress('');
    if (performance.now() >= end || answer.status === 403) {
      progress('');
      throw new Failure(
        `${notProved(answer)}\nNothing has been chosen, so no call is lost. The same command goes on from here once the app has the secret.`,
      );
    }
    progress(`waiting for the app, ${seconds} s more: ${answer.status ?? answer.problem}`);
    await sleep(patience.everyMs);
  }
}

/** What an answer that is not 200 to a signed `webhook_check` says. */
export function notProved({ status, problem, json }: AppAnswer): string {
  const code = typeof json['code'] === 'string' && /^[a-z_]{1,40}$/.test(json['code']) ? ` ${json['code']}` : '';
  const said = status === undefined ? `The app cannot be reached: ${problem}.` : `The app answered ${status}${code}.`;
  if (status === 403) return `${said} This machine's address is not among operatorAddresses (docs/deploy.md).`;
  if (status === 401) return `${said} It runs with another secret.`;
  if (status === 400) return `${said} Compare the clocks of this machine and the app.`;
  if (status === 503) return `${said} /health names the setting that it lacks.`;
  if (status === 404) return `${said} No app of this kind is at that address.`;
  return said;
}
