import { rememberedKey } from './callers/callerKey.ts';
import { CallerDirectory } from './callers/directory.ts';
import { AgentRulesApi } from './elevenlabs/agentRulesApi.ts';
import type { StateArea } from './heartbeat.ts';
import type { InitiationContext } from './initiation/context.ts';
import { KnownAgents } from './initiation/knownAgents.ts';
import type { Configuration } from './settings/settings.ts';
import { BlobStorage } from './storage/blobStorage.ts';
import { upkeep } from './storage/proof.ts';
import type { Telemetry } from './telemetry/telemetry.ts';

interface Surroundings {
  readonly now: () => number;
  readonly telemetry: Telemetry | undefined;
}

/**
 * What the initiation webhook works with; undefined when it is not configured. It needs nothing of what a delivery needs, and
 * has connections to storage of its own, which no recording fills, and tries that are short enough for a second one by the deadline.
 */
export function openInitiation(
  configuration: Configuration,
  { now, telemetry }: Surroundings,
): InitiationContext | undefined {
  const { state, callers, initiation } = configuration;
  const { settings } = initiation;
  if (settings === undefined) return undefined;
  if (state === undefined) return { settings, callers: undefined, agents: undefined, readKey: undefined, now };
  const { deadlineMs } = settings;
  // The first try has half of the time: a connection that hangs costs no default, and storage that is slow is not asked twice.
  const budget = { totalMs: deadlineMs, tryMs: deadlineMs * 1.5 };
  const storage = new BlobStorage(state.connection, budget, telemetry);
  const area = { storage, path: state.path };
  const key = rememberedKey(area);
  const directory =
    callers.settings &&
    new CallerDirectory({
      authority: upkeep(),
      storage,
      path: callers.settings.path,
      key,
      country: callers.settings.country,
      now,
    });
  const agents = openAgents(configuration, area, { now, telemetry });
  return { settings, callers: directory, agents, readKey: directory && key, now };
}

/** What agents allow and demand, which the sweep keeps fresh also where another app has the webhook. */
export function openAgents(
  { initiation }: Configuration,
  state: StateArea,
  { now, telemetry }: Surroundings,
): KnownAgents {
  const { elevenLabs } = initiation;
  const api = elevenLabs && new AgentRulesApi({ ...elevenLabs, telemetry });
  return new KnownAgents({ authority: upkeep(), ...state, api, now });
}
