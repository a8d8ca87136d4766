import { type RunningElevenLabs, startElevenLabs } from '../../local/elevenlabs/server.ts';
import { paths } from '../send/target.ts';
import type { Settings } from './settings.ts';

/** Fit for the stand-in alone, which takes any key. */
const developmentKey = 'key_of_the_stand_in_only';
const realBaseUrl = 'https://api.elevenlabs.io';

/** The ElevenLabs API that pre-call is going to use. */
export interface ElevenLabs {
  /** The stand-in that was started, if any. */
  standIn?: RunningElevenLabs;
  /** For people: which API that is. */
  description: string[];
  /** What the app has to be told instead of what the settings say. */
  overrides: Settings;
}

/**
 * Starts the stand-in when no key is set. With one, the API is what the settings say; a key that is set to nothing
 * switches pre-call off.
 */
export async function prepareElevenLabs(settings: Settings): Promise<ElevenLabs> {
  const key = settings['ELEVENLABS_API_KEY'];
  if (key === undefined) return startStandIn(reconciliationOf(settings));
  const description =
    key === ''
      ? ['none: pre-call is answered 503 until ELEVENLABS_API_KEY is set']
      : [`${settings['ELEVENLABS_API_BASE_URL'] || realBaseUrl} (key from ELEVENLABS_API_KEY)`];
  return { description, overrides: {} };
}

/** On, and often enough to be seen, unless the settings say otherwise. */
function reconciliationOf(settings: Settings): Settings {
  return {
    ENABLE_RECONCILIATION: settings['ENABLE_RECONCILIATION'] ?? 'true',
    RECONCILE_SCHEDULE: settings['RECONCILE_SCHEDULE'] ?? '30 * * * * *',
  };
}

/** Lets the stand-in ask the app before each call that is made up with `POST /__incoming`. */
export function askBeforeCalls({ standIn }: ElevenLabs, appUrl: string, settings: Settings): void {
  const secret = settings['INITIATION_SECRET']?.split(',')[0];
  if (standIn === undefined || !secret) return;
  standIn.state.workspace.settings['conversation_initiation_client_data_webhook'] = {
    url: `${appUrl}${paths.initiation}`,
    request_headers: { Authorization: `Bearer ${secret}` },
  };
}

async function startStandIn(reconciliation: Settings): Promise<ElevenLabs> {
  const standIn = await startElevenLabs({ port: 0, makesAgents: true });
  return {
    standIn,
    description: [
      `stand-in at ${standIn.url}, no account needed; set ELEVENLABS_API_KEY for the real one`,
      `its voices, agents and calls: ${standIn.url}/__state`,
    ],
    overrides: { ...reconciliation, ELEVENLABS_API_KEY: developmentKey, ELEVENLABS_API_BASE_URL: standIn.url },
  };
}
