import type { PostCallChoice } from '../../../src/lib/elevenlabs/workspaceSchemas.ts';
import { Failure } from '../../command/errors.ts';
import { ask, type ConnectContext, type ConnectOptions, type Steps } from './context.ts';

/** A webhook, by its id alone. */
export interface Ours {
  readonly webhookId: string;
}

/** Who chooses a webhook: the workspace or an agent, and what it has chosen. */
export interface Place {
  /** Undefined: the workspace. */
  readonly agentId: string | undefined;
  readonly choice: PostCallChoice;
}

const EVENTS = ['transcript', 'audio', 'call_initiation_failure'] as const;
const NOTHING: PostCallChoice = { webhookId: undefined, events: [], raw: {} };

/** The agents that were named, else the workspace. */
export async function readPlaces({ agentIds }: ConnectOptions, { api }: ConnectContext): Promise<Place[]> {
  if (agentIds.length === 0) return [await readPlace(api, undefined)];
  const places: Place[] = [];
  for (const agentId of new Set(agentIds)) places.push(await readPlace(api, agentId));
  return places;
}

/** The workspace and all agents, as far as they have chosen one of these webhooks. */
export async function placesOf(webhooks: readonly Ours[], { api }: ConnectContext): Promise<Place[]> {
  const places = [await readPlace(api, undefined)];
  for (const agentId of await ask((call) => allOf(api.findAgentIds(call)))) places.push(await readPlace(api, agentId));
  return places.filter(({ choice }) => webhooks.some(({ webhookId }) => webhookId === choice.webhookId));
}

async function allOf<T>(found: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of found) all.push(one);
  return all;
}

async function readPlace(api: ConnectContext['api'], agentId: string | undefined): Promise<Place> {
  if (agentId === undefined) return { agentId, choice: await ask((call) => api.getWorkspaceChoice(call)) };
  const { choice } = await ask((call) => api.getAgentSettings(agentId, call));
  return { agentId, choice: choice ?? NOTHING };
}

export function nameOf({ agentId }: Pick<Place, 'agentId'>): string {
  return agentId === undefined ? 'the workspace' : `agent ${agentId}`;
}

/** Another product's webhook is not replaced by the way: those calls would be lost to it. @throws Failure */
export function refuseOthers(places: readonly Place[], ours: readonly Ours[], options: ConnectOptions): void {
  if (options.replacesOthers) return;
  const taken = places.filter(({ choice }) => isOfOthers(choice, ours));
  if (taken.length === 0) return;
  const list = taken.map((place) => `${nameOf(place)}: ${place.choice.webhookId}`).join('\n  ');
  const way = options.agentIds.length === 0 ? '--agent ID connects agents alone and leaves that as it is; ' : '';
  throw new Failure(
    `Another webhook is chosen already, and would get no calls any more:\n  ${list}\n${way}--replace-webhook replaces it. Nothing was done.`,
  );
}

function isOfOthers({ webhookId }: PostCallChoice, ours: readonly Ours[]): boolean {
  return webhookId !== undefined && !ours.some((webhook) => webhook.webhookId === webhookId);
}

/** What a place is to choose: the webhook and the three events, beside which our own choice keeps what it has. */
function wantedAt({ choice }: Place, webhookId: string, ours: readonly Ours[]): PostCallChoice {
  const isOurs = choice.webhookId !== undefined && !isOfOthers(choice, ours);
  const more = isOurs ? choice.events.filter((event) => !EVENTS.some((one) => one === event)) : [];
  return { webhookId, events: [...EVENTS, ...more], raw: choice.raw };
}

export function isChosen({ choice }: Place, webhookId: string): boolean {
  return choice.webhookId === webhookId && EVENTS.every((event) => choice.events.includes(event));
}

/**
 * Lets a place choose, and reads back whether it has: ElevenLabs drops what it does not like without an error
 * (github.com/elevenlabs/plugin, architect-update-config-safely).
 */
export async function choose(
  place: Place,
  webhookId: string,
  ours: readonly Ours[],
  { steps, context }: { readonly steps: Steps; readonly context: ConnectContext },
): Promise<void> {
  if (isChosen(place, webhookId)) return;
  const choice = wantedAt(place, webhookId, ours);
  const { agentId } = place;
  if (isOfOthers(place.choice, ours)) {
    context.say(`${nameOf(place)} had ${place.choice.webhookId}. This puts it back:\n  ${putBack(place, context)}`);
  }
  await steps.take(`Choose it for ${nameOf(place)}: ${choice.events.join(', ')}.`, async () => {
    await ask((call) => context.api.choose({ agentId, choice }, call));
    if (!isChosen(await readPlace(context.api, agentId), webhookId)) {
      throw new Failure(
        `ElevenLabs took the choice for ${nameOf(place)} without an error, and has not kept it. Try again.`,
      );
    }
  });
}

function putBack({ agentId, choice: { raw } }: Place, { baseUrl }: ConnectContext): string {
  const path = agentId === undefined ? '/v1/convai/settings' : `/v1/convai/agents/${encodeURIComponent(agentId)}`;
  const body =
    agentId === undefined ? { webhooks: raw } : { platform_settings: { workspace_overrides: { webhooks: raw } } };
  const json = JSON.stringify(body).replaceAll("'", "'\\''");
  return `curl -X PATCH '${baseUrl}${path}' -H "xi-api-key: $ELEVENLABS_OPERATOR_API_KEY" -H 'content-type: application/json' -d '${json}'`;
}
