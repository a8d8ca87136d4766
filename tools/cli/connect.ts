// npm run connect: lets ElevenLabs send calls to the app, in the order in which none is lost.
import { WorkspaceApi } from '../../src/lib/elevenlabs/workspaceApi.ts';
import { idSchema } from '../../src/lib/ids.ts';
import { UsageError } from '../command/errors.ts';
import { flag, list, text } from '../command/option.ts';
import { note } from '../command/output.ts';
import { runCommand } from '../command/run.ts';
import { AzureApi, azureOf } from './azure/azureApi.ts';
import { connect } from './connect/connect.ts';
import type { ConnectContext } from './connect/context.ts';
import { connectInitiation } from './connect/initiation.ts';
import { rotate } from './connect/rotate.ts';
import { fileStore, printStore, type SecretStore, vaultStore } from './connect/secretStore.ts';
import { isLoopback, readConnectTarget } from './connect/target.ts';
import { readLocalSettings } from './localSettings.ts';
import { readBaseUrl, readOperatorKey } from './operatorKey.ts';

const TEN_MINUTES = { waitMs: 10 * 60_000, everyMs: 2_000 };

/** Where a secret is kept. */
const SETTINGS = {
  postCall: { name: 'ELEVENLABS_WEBHOOK_SECRET', vaultSecret: 'elevenlabs-webhook-secret' },
  initiation: { name: 'INITIATION_SECRET', vaultSecret: 'initiation-secret' },
} as const;

await runCommand({
  name: 'connect',
  options: {
    url: text('ADDRESS', 'where the app is reached: https://<app>, or the full address of its webhook'),
    agent: list('ID', 'for this agent alone, by its own override; several times for several. Else for the workspace'),
    vault: text('NAME', "the Key Vault that has the app's secret; with your sign-in to Azure"),
    print: flag('shows the secret once, and you give it to the app'),
    initiation: flag('the webhook that ElevenLabs asks before a call, and the agents that ask it'),
    rotate: flag('a second webhook with a new secret, and later the end of the old one'),
    'replace-webhook': flag(
      "also where another product's webhook is chosen; what was there is shown, with the way back",
    ),
    'dry-run': flag('only says what would be done'),
    yes: flag('restarts the app, deletes webhooks that nobody uses'),
  },
  aliases: { replace: 'replace-webhook' },
  details: `The app has to run. The key is ELEVENLABS_OPERATOR_API_KEY (else it is asked for): yours, with webhooks_write and convai_write, of an
administrator. For an app on this machine the secret goes into local.settings.json, for any other --vault or --print is needed.
Every step is said. Run it again after whatever went wrong, or twice: it goes on where it was.`,
  async run({ values }) {
    const endpoint = values.initiation ? 'initiation' : 'postCall';
    const setting = SETTINGS[endpoint];
    const target = readConnectTarget(values.url, endpoint);
    const strange = values.agent?.find((id) => !idSchema.safeParse(id).success);
    if (strange !== undefined) throw new UsageError(`--agent ${strange}: not the id of an agent`);
    const settings = { ...readLocalSettings(), ...process.env };
    const baseUrl = readBaseUrl(settings);
    const isLocal = isLoopback(target.webhook);
    if (isLocal && !isLoopback(new URL(baseUrl))) {
      throw new UsageError('ElevenLabs cannot reach an address of this machine: docs/tunnel.md has a way.');
    }
    const azure = values.vault === undefined ? undefined : new AzureApi(await azureOf());
    const store = storeOf(values, { isLocal, azure, setting, known: settings[setting.name] });
    const apiKey = await readOperatorKey();
    const api = new WorkspaceApi({ baseUrl, apiKey });
    const context: ConnectContext = {
      api,
      store,
      azure: isLocal ? undefined : azure,
      baseUrl,
      say: note,
      now: Date.now,
      patience: TEN_MINUTES,
    };
    const options = {
      target,
      agentIds: values.agent ?? [],
      isConfirmed: values.yes,
      isDryRun: values['dry-run'],
      replacesOthers: values['replace-webhook'],
    };
    try {
      if (values.initiation) await connectInitiation({ ...options, makesAnother: values.rotate }, context);
      else await (values.rotate ? rotate(options, context) : connect(options, context));
    } finally {
      await api.close();
    }
    return 0;
  },
});

interface Place {
  readonly isLocal: boolean;
  readonly azure: AzureApi | undefined;
  readonly setting: (typeof SETTINGS)[keyof typeof SETTINGS];
  /** What this machine's settings have. */
  readonly known: string | undefined;
}

/** @throws UsageError when it is not clear where the secret is to go. */
function storeOf(
  values: { vault: string | undefined; print: boolean },
  { isLocal, azure, setting, known }: Place,
): SecretStore {
  if (values.vault !== undefined && values.print) throw new UsageError('--vault or --print, not both');
  if (values.vault !== undefined && azure !== undefined) {
    if (!/^[A-Za-z][A-Za-z0-9-]{1,22}[A-Za-z0-9]$/.test(values.vault))
      throw new UsageError('--vault: not the name of a vault');
    return vaultStore(azure, values.vault, setting.vaultSecret);
  }
  if (values.print) return printStore(known, console.log);
  if (!isLocal)
    throw new UsageError('Where does the secret go? --vault NAME, or --print to put it into the app yourself.');
  if (process.env[setting.name]) {
    throw new UsageError(
      `${setting.name} in the environment goes before local.settings.json: unset it, or use --print.`,
    );
  }
  return fileStore(undefined, setting.name);
}
