import { nameFor } from '../connect/fingerprint.ts';
import { notProved } from '../connect/takeSecret.ts';
import { paths } from '../send/target.ts';
import { checkInitiation } from '../webhookCheck.ts';
import type { Doctor } from './doctor.ts';
import { type Check, type Finding, failed, ok, Skip, skipped, warning } from './finding.ts';

const CONNECT = 'npm run connect -- --url … --initiation --agent ID sets it right.';
const OFF = 'INITIATION_SECRET is not set: the app is not asked before calls';

/** What the app says of itself: its settings, the directory, and whether it learns what agents allow. */
export const app: Check = {
  name: 'initiation',
  look: async (doctor) => {
    const { isUsed, problems, warnings } = doctor.settings.configuration.initiation;
    if (!isUsed) return [ok(OFF)];
    const { json } = await doctor.health();
    const { status, reason } = (json['initiation'] as { status?: unknown; reason?: unknown }) ?? {};
    // The app on this machine may have the key of the stand-in, which no setting shows.
    const isOfKey = ({ setting }: { setting: string }) => setting === 'ELEVENLABS_API_KEY';
    const meant = status === 'healthy' ? warnings.filter((each) => !isOfKey(each)) : warnings;
    const said = [
      ...problems.map(({ setting, message }) => failed(`${setting} ${message}`, 'docs/reference.md, Settings.')),
      ...meant.map(({ setting, message }) => warning(`${setting} ${message}`, 'docs/initiation.md.')),
    ];
    if (status === 'limited' && !warnings.some(isOfKey)) {
      said.push(warning(`it answers without overrides or without callers: ${word(reason)}`, 'docs/initiation.md.'));
    }
    return said.length > 0 ? said : [ok('its settings are in order')];
  },
};

/** Whether it answers to each secret. */
export const answers: Check = {
  name: 'initiation asked',
  look: async (doctor) => {
    if (isOff(doctor)) return [ok(OFF)];
    const { initiationSecrets } = doctor.context;
    if (initiationSecrets.length === 0) {
      return [skipped('no secret to ask with', 'INITIATION_SECRET, or --azure and the role Key Vault Secrets User.')];
    }
    const findings = [];
    for (const [index, secret] of initiationSecrets.entries()) {
      const answer = await checkInitiation(endpointOf(doctor), secret);
      const which =
        initiationSecrets.length === 1 ? 'the secret' : `secret ${index + 1} of ${initiationSecrets.length}`;
      findings.push(
        answer.status === 200
          ? ok(`asked with ${which}: 200`)
          : failed(`asked with ${which}: ${notProved(answer)}`, 'Give the app the secret and restart it.'),
      );
    }
    return findings;
  },
};

/** Whether ElevenLabs asks it, for which agents, and with a secret that the app has. */
export const agents: Check = {
  name: 'initiation agents',
  look: async (doctor) => {
    if (isOff(doctor)) return [ok(OFF)];
    const { href } = endpointOf(doctor);
    const ofWorkspace = await doctor.workspace.getInitiationWebhook(doctor.call());
    const { agents: all } = await doctor.agents();
    const secrets = await doctor.workspace.listSecrets(doctor.call());
    const asking = all.map(({ agentId, initiation, allowedOverrides }) => {
      return { agentId, isAsked: initiation.isAsked, allowedOverrides, webhook: initiation.own ?? ofWorkspace };
    });
    const ours = asking.filter(({ webhook }) => webhook?.url === href);
    if (ours.length === 0) return [failed(`ElevenLabs asks ${href} for no agent`, CONNECT)];
    const on = ours.filter(({ isAsked }) => isAsked);
    const headers = new Set(ours.map(({ webhook }) => webhook?.headers['authorization']));
    return [
      on.length === 0
        ? failed('no agent has the flag to ask before its calls: without it ElevenLabs never asks', CONNECT)
        : ok(`asked for ${on.map(({ agentId }) => agentId).join(', ')}`),
      ...[...headers].flatMap((header) => headerFinding(header, secrets, doctor)),
      ...on.flatMap(({ agentId, allowedOverrides }) => {
        const missing = notAllowed(allowedOverrides);
        if (missing.length === 0) return [];
        return [warning(`${agentId} does not allow ${missing.join(', ')}: callers go without`, CONNECT)];
      }),
    ];
  },
};

/** A cold start is longer than ElevenLabs may wait. */
export const ready: Check = {
  name: 'initiation ready',
  look: async (doctor) => {
    if (isOff(doctor)) return [ok(OFF)];
    const { azure } = doctor.context;
    if (azure === undefined)
      throw new Skip('only an app at Azure has instances', 'With --azure they are read (role Reader).');
    const count = await azure.api.getAlwaysReady(azure.site);
    if (count > 0) return [ok(`${count} always ready`)];
    return [
      warning(
        'no instance is always ready: the first call after a pause waits for a cold start',
        'alwaysReadyInstances, or an app of its own: docs/initiation.md.',
      ),
    ];
  },
};

function isOff(doctor: Doctor): boolean {
  return !doctor.settings.configuration.initiation.isUsed;
}

function endpointOf({ context: { target } }: Doctor): URL {
  return new URL(target.webhook.href.replace(paths.postCall, paths.initiation));
}

function headerFinding(
  header: string | { readonly secretId: string } | undefined,
  secrets: readonly { readonly secretId: string; readonly name: string }[],
  { context: { initiationSecrets: known } }: Doctor,
): Finding[] {
  if (header === undefined) return [failed('ElevenLabs sends no header Authorization', CONNECT)];
  if (typeof header === 'string') {
    const isOurs = known.length === 0 || known.some((secret) => header === `Bearer ${secret}`);
    if (!isOurs) return [failed('ElevenLabs sends another secret than the app has', CONNECT)];
    return [
      warning(
        'the secret can be read in the settings of ElevenLabs',
        `As a secret of the workspace nobody sees it. ${CONNECT}`,
      ),
    ];
  }
  const name = secrets.find(({ secretId }) => secretId === header.secretId)?.name;
  if (name === undefined) return [failed('the secret that ElevenLabs is to send does not exist there', CONNECT)];
  const isOurName = name.startsWith('elevenlabs-webhook ');
  const isKnown = known.some((secret) => name.startsWith(nameFor(secret)));
  if (isOurName && known.length > 0 && !isKnown)
    return [failed('ElevenLabs sends another secret than the app has', CONNECT)];
  return [];
}

function notAllowed({ agent, tts }: Readonly<Record<string, unknown>>): string[] {
  const has = (group: unknown, name: string) =>
    typeof group === 'object' && group !== null && Reflect.get(group, name) === true;
  return [
    ...(has(tts, 'voice_id') ? [] : ['tts.voice_id']),
    ...(has(agent, 'first_message') ? [] : ['agent.first_message']),
    ...(has(agent, 'language') ? [] : ['agent.language']),
  ];
}

function word(value: unknown): string {
  return typeof value === 'string' && /^[a-z_]{1,40}$/.test(value) ? value : 'unknown';
}
