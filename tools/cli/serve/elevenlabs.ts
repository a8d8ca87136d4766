import { join } from 'node:path';
import { type RunningElevenLabs, startElevenLabs } from '../../local/elevenlabs/server.ts';
import { paths } from '../send/target.ts';
import type { Settings } from './settings.ts';

/** Fit for the stand-in alone, which takes any key. */
const developmentKey = 'key_of_the_stand_in_only';
/** Beside the blobs of local runs. */
export const CALLS_FOLDER = 'elevenlabs-calls';
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
 * Starts the stand-in when no key is set; its calls are kept in `folder`, where `npm run missed-call` makes some. With one, the API is what the settings say; a key that is set to nothing
 * switches pre-call off.
 */
export async function prepareElevenLabs(settings: Settings, folder: string | undefined): Promise<ElevenLabs> {
  const key = settings['ELEVENLABS_API_KEY'];
  if (key === undefined) return startStandIn(settings, folder);
  const description =
    key === ''
      ? ['none: pre-call is answered 503 until ELEVENLABS_API_KEY is set']
      : [`${settings['ELEVENLABS_API_BASE_URL'] || realBaseUrl} (key from ELEVENLABS_API_KEY)`];
  return { description, overrides: {} };
}

/**
 * What an app with the stand-in is told besides its address: reconciliation is on, and often enough to be seen, unless the
 * settings say otherwise. Nothing when there is a key.
 */
export function standInSettings(settings: Settings): Settings {
  if (settings['ELEVENLABS_API_KEY'] !== undefined) return {};
  return {
    ELEVENLABS_API_KEY: developmentKey,
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

async function startStandIn(settings: Settings, folder: string | undefined): Promise<ElevenLabs> {
  const kept = folder === undefined ? {} : { callsFolder: join(folder, CALLS_FOLDER) };
  const standIn = await startElevenLabs({ port: 0, makesAgents: true, ...kept });
  return {
    standIn,
    description: [
      `stand-in at ${standIn.url}, no account needed; set ELEVENLABS_API_KEY for the real one`,
      `its voices, agents and calls: ${standIn.url}/__state`,
    ],
    overrides: { ...standInSettings(settings), ELEVENLABS_API_BASE_URL: standIn.url },
  };
}
