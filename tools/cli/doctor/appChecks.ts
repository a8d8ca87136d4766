import { notProved } from '../connect/takeSecret.ts';
import { checkWebhook } from '../webhookCheck.ts';
import { type Check, failed, ok, Skip, skipped, warning } from './finding.ts';
import { DOCUMENTED_ADDRESSES, missingIn } from './senderAddresses.ts';

const LARGEST_BODY_BYTES = 209_715_200;
const NOTICEABLE_MS = 30_000;

export const settings: Check = {
  name: 'settings',
  look: ({ settings: { configuration, unchecked } }) => {
    const problems = [
      ...configuration.problems,
      ...(configuration.isPreCallUsed ? configuration.preCallProblems : []),
      ...configuration.callers.problems,
    ];
    const warnings = [...configuration.warnings, ...configuration.preCallWarnings];
    const hidden = unchecked.length === 0 ? '' : `; from the vault: ${unchecked.join(', ')}`;
    return [
      ...problems.map(({ setting, message }) => failed(`${setting} ${message}`, 'docs/reference.md, Settings.')),
      ...warnings.map(({ setting, message }) => warning(`${setting} ${message}`, 'docs/reference.md, Settings.')),
      ...(problems.length + warnings.length === 0 ? [ok(`nothing would be refused${hidden}`)] : []),
    ];
  },
};

export const health: Check = {
  name: 'health',
  look: async (doctor) => {
    const { status, json, problem } = await doctor.health();
    const { failing, version, reconciliation } = json;
    if (status === 200 && json['service'] === 'elevenlabs-webhook') {
      const more = reconciliation === undefined ? '' : `, reconciliation ${word(statusOf(reconciliation))}`;
      return [ok(`healthy, version ${word(version)}${more}`)];
    }
    if (status === 503 && json['service'] === 'elevenlabs-webhook') {
      return [
        failed(
          `unhealthy: ${list(failing)}${wrongSettings(json['checks'])}`,
          'Set it right and restart the app; docs/reference.md, Settings.',
        ),
      ];
    }
    if (status === 200) return [failed('something else answers there', 'Is the address right?')];
    return [
      failed(
        notProved({ status, json, ...(problem === undefined ? {} : { problem }) }),
        'Is the app running, and the address right?',
      ),
    ];
  },
};

export const webhookCheck: Check = {
  name: 'signature',
  look: async ({ context: { target, secrets, now } }) => {
    if (secrets.length === 0) {
      return [
        skipped('no secret to sign with', 'ELEVENLABS_WEBHOOK_SECRET, or --azure and the role Key Vault Secrets User.'),
      ];
    }
    const findings = [];
    for (const [index, secret] of secrets.entries()) {
      const answer = await checkWebhook(target.webhook, secret, now);
      const which = secrets.length === 1 ? 'the secret' : `secret ${index + 1} of ${secrets.length}`;
      findings.push(
        answer.status === 200
          ? ok(`signed with ${which}: 200`)
          : failed(`signed with ${which}: ${notProved(answer)}`, 'Give the app the secret and restart it.'),
      );
    }
    return findings;
  },
};

/** The app compares ElevenLabs' clock with its own, so these two count. */
export const clocks: Check = {
  name: 'clocks',
  look: async (doctor) => {
    const { aheadMs: appAheadMs } = await doctor.health();
    if (appAheadMs === undefined) throw new Skip('the app did not say what time it is', 'See health.');
    const skewSeconds = doctor.context.settings?.configuration.postCall?.signature.futureSkewSeconds ?? 300;
    const { elevenLabsAheadMs } = doctor;
    const between = elevenLabsAheadMs === undefined ? undefined : Math.abs(elevenLabsAheadMs - appAheadMs);
    if (between !== undefined && between > skewSeconds * 1000) {
      return [
        failed(
          `ElevenLabs and the app are ${seconds(between)} apart`,
          'The app refuses such signatures: set its clock right.',
        ),
      ];
    }
    if (between !== undefined && between > NOTICEABLE_MS) {
      return [warning(`ElevenLabs and the app are ${seconds(between)} apart`, 'Set the clock of the app right.')];
    }
    if (Math.abs(appAheadMs) > NOTICEABLE_MS) {
      return [
        warning(`this machine and the app are ${seconds(appAheadMs)} apart`, 'Set the clock of this machine right.'),
      ];
    }
    return [
      ok(between === undefined ? 'this machine and the app agree' : 'this machine, the app and ElevenLabs agree'),
    ];
  },
};

export const bodyLimit: Check = {
  name: 'body limit',
  look: ({ settings: { configuration, values } }) => {
    const bytes = Number(values['FUNCTIONS_REQUEST_BODY_SIZE_LIMIT'] || 104_857_600);
    const megabytes = Math.round(bytes / 1_000_000);
    if (bytes >= LARGEST_BODY_BYTES || configuration.postCall?.storesAudio === false) return [ok(`${megabytes} MB`)];
    const todo = `FUNCTIONS_REQUEST_BODY_SIZE_LIMIT=${LARGEST_BODY_BYTES} takes recordings of two hours.`;
    return [warning(`${megabytes} MB: a longer recording is refused, and comes only once`, todo)];
  },
};

export const addresses: Check = {
  name: 'addresses',
  look: async ({ context: { azure } }) => {
    if (azure === undefined)
      throw new Skip('only an app at Azure has them', 'With --azure they are read (role Reader).');
    const allowed = await azure.api.getCallers(azure.site);
    if (allowed === undefined) return [ok('everybody may call')];
    const missing = missingIn(allowed);
    if (missing.length === 0)
      return [ok(`all ${DOCUMENTED_ADDRESSES.length} documented addresses of ElevenLabs may call`)];
    return [
      failed(`turned away with 403: ${missing.join(', ')}`, 'Add them to elevenLabsAddresses and run azd provision.'),
    ];
  },
};

const seconds = (ms: number) => `${Math.round(Math.abs(ms) / 1000)} s`;

/** What the app says of itself may come from something else that answers there: words alone. */
function word(value: unknown): string {
  return typeof value === 'string' && /^[\w .+-]{1,60}$/.test(value) ? value : 'unknown';
}

function list(value: unknown): string {
  return Array.isArray(value) ? value.slice(0, 10).map(word).join(', ') : 'unknown';
}

/** Their names, as `/health` has them. */
function wrongSettings(checks: unknown): string {
  const { settings } = objectOf(objectOf(checks)['settings']);
  return Array.isArray(settings) ? ` (${list(settings)})` : '';
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function statusOf(member: unknown): unknown {
  return typeof member === 'object' && member !== null && 'status' in member ? member.status : member;
}
