import type { ElevenLabsClient } from '../../../src/lib/elevenlabs/client.ts';
import type { Doctor } from './doctor.ts';
import { type Check, failed, ok, Skip, warning } from './finding.ts';

/** The key itself, and `voices_read`; what it may write is only known by writing. */
export const key: Check = {
  name: 'pre-call key',
  look: async (doctor) => {
    await client(doctor).findVoices({ pageSize: 1 }, doctor.call()).next();
    return [ok('taken by ElevenLabs, with voices_read')];
  },
};

export const slots: Check = {
  name: 'pre-call slots',
  look: async (doctor) => {
    const { voiceSlotsUsed, voiceLimit, canClone, tier } = await client(doctor).getSubscription(doctor.call());
    const used = `${voiceSlotsUsed} of ${voiceLimit} voice slots are used`;
    if (canClone === false) return [failed(`the plan ${planOf(tier)} has no cloning`, 'Starter or higher.')];
    if (voiceSlotsUsed < voiceLimit) return [ok(`${used}, plan ${planOf(tier)}`)];
    return [failed(used, 'Delete voices, VOICE_SLOTS_RESERVE, or a larger plan.')];
  },
};

export const overrides: Check = {
  name: 'pre-call agents',
  look: async (doctor) => {
    const api = client(doctor);
    const { preCall } = doctor.settings.configuration;
    if (preCall === undefined) throw new Skip('the settings of pre-call have problems', 'See settings.');
    const findings = [];
    for (const agentId of preCall.agentIds) {
      await api.getAgent(agentId, doctor.call());
      const missing = preCall.agentUpdate === 'override' ? await disallowed(doctor, agentId) : [];
      findings.push(
        missing.length === 0
          ? ok(`${agentId} exists${preCall.agentUpdate === 'override' ? ' and allows what pre-call overrides' : ''}`)
          : failed(
              `${agentId} does not allow ${missing.join(', ')}: calls that bring them fail`,
              'Allow them in the Security settings of the agent.',
            ),
      );
    }
    const open = warning(
      'PRECALL_AGENT_IDS is empty: agents were not looked at',
      'Name the agents that pre-call may change.',
    );
    return findings.length > 0 ? findings : [open];
  },
};

/** Refused overrides end a call (https://elevenlabs.io/docs/eleven-agents/customization/personalization/overrides). */
async function disallowed(doctor: Doctor, agentId: string): Promise<string[]> {
  const { allowedOverrides } = await doctor.workspace.getAgentSettings(agentId, doctor.call());
  const isAllowed = (group: string, name: string) => {
    const members = allowedOverrides[group];
    return typeof members === 'object' && members !== null && Reflect.get(members, name) === true;
  };
  return [
    ...(isAllowed('agent', 'first_message') ? [] : ['agent.first_message']),
    ...(isAllowed('tts', 'voice_id') ? [] : ['tts.voice_id']),
  ];
}

function client({ context, settings }: Doctor): ElevenLabsClient {
  if (context.client !== undefined) return context.client;
  if (!settings.configuration.isPreCallUsed)
    throw new Skip('pre-call is not used', 'ELEVENLABS_API_KEY switches it on.');
  throw new Skip("the app's key is not known here", 'With --azure and the role Key Vault Secrets User.');
}

function planOf(tier: string | undefined): string {
  return tier !== undefined && /^\w{1,40}$/.test(tier) ? tier : 'unknown';
}
