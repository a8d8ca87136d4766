import { openServices } from '../../../src/lib/services.ts';
import type { Settings } from './settings.ts';

/** Of the examples. */
const AGENT = 'agent_6801bluebirdcyclesdesk0x4f';
const LIMIT_MS = 5_000;

/**
 * Lets the app know what the agent of the examples allows, as the sweep does for agents in use: so that the first
 * `send initiation` shows a caller's voice. Only where the stand-in is the API; that it fails is no reason not to start.
 */
export async function knowExampleAgent(settings: Settings): Promise<void> {
  const { agents } = openServices(settings);
  const signal = AbortSignal.timeout(LIMIT_MS);
  try {
    await agents?.refresh(AGENT, await agents.read(AGENT, signal), signal);
  } catch {
    // The sweep will do it.
  }
}
