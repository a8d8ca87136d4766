import type { AgentSettings, PostCallChoice, WorkspaceWebhook } from '../../../src/lib/elevenlabs/workspaceSchemas.ts';
import { isOurName, secretOf } from '../connect/fingerprint.ts';
import { age } from './age.ts';
import { type Doctor, MOST_AGENTS } from './doctor.ts';
import { type Check, type Finding, failed, ok, warning } from './finding.ts';

const WEEK_SECONDS = 7 * 86_400;
/** The retries go on for 41 minutes (https://elevenlabs.io/docs/eleven-api/resources/webhooks). */
const LEAST_TOLERANCE_SECONDS = 2_700;
const CONNECT = 'npm run connect -- --url … sets it right.';
const KNOWN_EVENTS = ['transcript', 'audio', 'call_initiation_failure'];

export const webhook: Check = {
  name: 'webhook',
  look: async (doctor) => {
    const webhooks = await doctor.webhooks();
    const { href } = doctor.context.target.webhook;
    if (webhooks.length === 0) return [failed(`ElevenLabs has no webhook with the address ${href}`, CONNECT)];
    return webhooks.flatMap((one) => stateOf(one, doctor));
  },
};

function stateOf(webhook: WorkspaceWebhook, { context: { secrets, now } }: Doctor): Finding[] {
  const { webhookId, name, lastFailure, usages } = webhook;
  const failedSeconds = lastFailure === undefined ? undefined : Math.round(now() / 1000) - lastFailure.atSeconds;
  const findings = [
    webhook.isAutoDisabled || webhook.isDisabled
      ? failed(
          `${webhookId} is switched off${webhook.isAutoDisabled ? ' by ElevenLabs, after ten failures' : ''}`,
          CONNECT,
        )
      : undefined,
    webhook.authType === 'hmac'
      ? undefined
      : failed(`${webhookId} does not sign with HMAC`, 'Make another one: npm run connect.'),
    lastFailure !== undefined && failedSeconds !== undefined && failedSeconds < WEEK_SECONDS
      ? warning(
          `${webhookId} failed ${age(failedSeconds * 1000)} ago with ${lastFailure.status ?? 'no answer'}`,
          'The log of the app has the code.',
        )
      : undefined,
    usages?.length === 0 ? warning(`${webhookId} is used by nobody`, CONNECT) : undefined,
    retriesOf(webhook) ? undefined : retriesMissing(webhook),
    secrets.length > 0 && isOurName(name) && secretOf(webhook, secrets) === undefined
      ? failed(
          `the app does not have the secret of ${webhookId}`,
          'Restore it from an older version in the vault, or npm run connect -- --rotate.',
        )
      : undefined,
  ].filter((finding) => finding !== undefined);
  return findings.length > 0 ? findings : [ok(`${webhookId} is in order`)];
}

/** The documented listing does not have it; the name says that `connect` has switched it on. */
function retriesOf({ retriesEnabled, name }: WorkspaceWebhook): boolean | undefined {
  return retriesEnabled ?? (isOurName(name) ? true : undefined);
}

function retriesMissing(webhook: WorkspaceWebhook): Finding {
  return retriesOf(webhook) === false
    ? warning(`${webhook.webhookId} does not send again what failed`, CONNECT)
    : warning(`ElevenLabs does not say whether ${webhook.webhookId} sends again what failed`, CONNECT);
}

export const tolerance: Check = {
  name: 'tolerance',
  look: async (doctor) => {
    const { configuration } = doctor.settings;
    const seconds = configuration.postCall?.signature.toleranceSeconds;
    if (seconds === undefined) return [];
    if (seconds >= LEAST_TOLERANCE_SECONDS) return [ok(`${seconds} s covers the retries`)];
    const webhooks = await doctor.webhooks();
    if (webhooks.every((one) => retriesOf(one) === false)) return [ok(`${seconds} s; retries are off`)];
    const says = `${seconds} s is shorter than the retries go on, and they may bear the first signature`;
    return [warning(says, 'WEBHOOK_TOLERANCE_SECONDS=3600.')];
  },
};

/** Who sends calls here: the workspace, and agents by their own choice or by the workspace's. */
async function users(
  doctor: Doctor,
): Promise<{ choices: [string, PostCallChoice][]; agents: AgentSettings[]; areAll: boolean }> {
  const ids = new Set((await doctor.webhooks()).map(({ webhookId }) => webhookId));
  const isOurs = (choice: PostCallChoice) => choice.webhookId !== undefined && ids.has(choice.webhookId);
  const workspace = await doctor.workspaceChoice();
  const { agents, areAll } = await doctor.agents();
  const withOwn = agents.filter(({ choice }) => choice?.webhookId !== undefined);
  const choices: [string, PostCallChoice][] = [
    ['the workspace', workspace],
    ...withOwn.map(({ agentId, choice = workspace }): [string, PostCallChoice] => [`agent ${agentId}`, choice]),
  ];
  return {
    choices: choices.filter(([, choice]) => isOurs(choice)),
    agents: agents.filter(({ choice }) => isOurs(choice?.webhookId === undefined ? workspace : choice)),
    areAll,
  };
}

export const choices: Check = {
  name: 'chosen',
  look: async (doctor) => {
    const { choices, areAll } = await users(doctor);
    const { configuration } = doctor.context.settings ?? {};
    if (choices.length === 0) return [failed('neither the workspace nor an agent sends calls here', CONNECT)];
    const findings = choices.flatMap(([who, choice]) => eventsOf(who, choice, configuration?.postCall));
    if (!areAll)
      findings.push(
        warning(`only the first ${MOST_AGENTS} agents were looked at`, 'Look at the others in the dashboard.'),
      );
    return findings;
  },
};

function eventsOf(
  who: string,
  { events, raw }: PostCallChoice,
  app: { readonly storesAudio: boolean; readonly keepsUnknownTypes: boolean } | undefined,
): Finding[] {
  const missing = KNOWN_EVENTS.filter(
    (event) => !events.includes(event) && (event !== 'audio' || app?.storesAudio !== false),
  );
  const unknown = events
    .filter((event) => !KNOWN_EVENTS.includes(event))
    .map((event) => (/^\w{1,60}$/.test(event) ? event : '?'));
  const keeps = app?.keepsUnknownTypes === true;
  const findings = [
    missing.length > 0 ? warning(`${who} does not send ${missing.join(', ')}`, CONNECT) : undefined,
    unknown.length > 0 && !keeps
      ? warning(
          `${who} sends ${unknown.join(', ')}, whose form nobody documents: refused, and ten in a row can switch the webhook off`,
          'Switch them off there, or UNKNOWN_EVENT_TYPES=keep here.',
        )
      : undefined,
    raw['exclude_transcript'] === true
      ? warning(`${who} sends transcripts without their turns`, 'Switch exclude_transcript off, unless that is meant.')
      : undefined,
  ].filter((finding) => finding !== undefined);
  return findings.length > 0 ? findings : [ok(`${who} sends ${events.join(', ')}`)];
}

export const recording: Check = {
  name: 'agents',
  look: async (doctor) => {
    const { agents } = await users(doctor);
    const named = (test: (agent: AgentSettings) => boolean) => agents.filter(test).map(({ agentId }) => agentId);
    const silent = named(({ privacy }) => privacy.recordsVoice === false && privacy.hasZeroRetention !== true);
    const zero = named(({ privacy }) => privacy.hasZeroRetention === true);
    const unlimited = named(({ privacy }) => isLimitless(privacy.retentionDays) && hasFlags(privacy));
    const kept = named(
      ({ privacy }) =>
        !isLimitless(privacy.retentionDays) && (privacy.deletesTranscripts === false || privacy.deletesAudio === false),
    );
    const findings = [
      silent.length > 0
        ? warning(`no recording can come: ${silent.join(', ')}`, 'record_voice is off in their privacy settings.')
        : undefined,
      zero.length > 0
        ? warning(
            `zero retention, so no recording can come and nothing can be fetched later: ${zero.join(', ')}`,
            'The webhook is the only delivery.',
          )
        : undefined,
      unlimited.length > 0
        ? warning(
            `no limit of retention, and so delete_transcript_and_pii and delete_audio are switched off in silence: ${unlimited.join(', ')}`,
            'If ElevenLabs is to delete calls, set retention_days first and the flags after it, and read them back.',
          )
        : undefined,
      kept.length > 0
        ? warning(
            `retention has days, but delete_transcript_and_pii or delete_audio is off: ${kept.join(', ')}`,
            'ElevenLabs switches them off in silence while there is no limit: set them again.',
          )
        : undefined,
    ].filter((finding) => finding !== undefined);
    return findings.length > 0 ? findings : [ok(`${agents.length} send calls here; all record`)];
  },
};

/** -1, or left out (github.com/elevenlabs/plugin, architect-migrate-from-competitor/reference/traps.md). */
const isLimitless = (days: number | undefined) => days === undefined || days < 0;

function hasFlags({ deletesTranscripts, deletesAudio }: AgentSettings['privacy']): boolean {
  return deletesTranscripts !== undefined || deletesAudio !== undefined;
}
