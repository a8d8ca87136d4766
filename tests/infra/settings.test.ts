import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readSettings, settingNames } from '../../src/lib/settings/settings.ts';
import { root } from './bicep.ts';
import { Deployment, deploymentNames } from './deployment.ts';

/** Settings that the host reads; storage connections as `readConnection` and the host spell them. */
const HOST_SETTINGS = [
  'APPLICATIONINSIGHTS_CONNECTION_STRING',
  'APPLICATIONINSIGHTS_AUTHENTICATION_STRING',
  'AzureWebJobsDisableHomepage',
  ...['accountName', 'credential', 'clientId'].map((part) => `AzureWebJobsStorage__${part}`),
  ...['blobServiceUri', 'credential', 'clientId'].map((part) => `CallStorage__${part}`),
];

const REFERENCE = /^@Microsoft\.KeyVault\(VaultName=(kv-\w+);SecretName=([\w-]+)\)$/;

/** What the app sees in Azure: references and expressions replaced by what stands behind them. */
function inAzure(settings: Readonly<Record<string, string>>, secrets: Readonly<Record<string, string>>) {
  return Object.fromEntries(
    Object.entries(settings).map(([name, value]) => {
      if (REFERENCE.test(value)) return [name, secrets[REFERENCE.exec(value)?.[2] ?? ''] ?? value];
      if (!value.startsWith('[')) return [name, value];
      return [
        name,
        name.endsWith('__blobServiceUri') ? `https://${name.toLowerCase().slice(0, 9)}.blob.core.windows.net/` : name,
      ];
    }),
  );
}

const SECRETS = { 'elevenlabs-webhook-secret': 'wsec_new,wsec_old', 'elevenlabs-api-key': 'key' };

it('reconciliation is on, and looks back for fewer days than transcripts and recordings are kept', () => {
  const settingsOf = (name: 'default' | 'all') => new Deployment(name).settings;
  expect(settingsOf('default')).toMatchObject({ ENABLE_RECONCILIATION: 'true', RECONCILE_DAYS: '7' });
  expect(settingsOf('all')).toMatchObject({ RECONCILE_DAYS: '10' }); // 30 were asked for, transcripts are kept for 11
});

describe.each(deploymentNames)('the settings of the deployment "%s"', (name) => {
  const deployment = new Deployment(name);
  const { settings } = deployment;

  it('are all known to the app or to the host', () => {
    const known = new Set<string>([...settingNames, ...HOST_SETTINGS]);
    expect(Object.keys(settings).filter((setting) => !known.has(setting))).toEqual([]);
  });

  it('are complete: with the secrets in the vault both endpoints work, by identity', () => {
    const { problems, preCallProblems, postCall, preCall, log } = readSettings(
      inAzure(settings, { ...SECRETS, 'elevenlabs-precall-webhook-secret': 'wsec_switch' }),
    );
    expect([...problems, ...preCallProblems]).toEqual([]);
    expect(postCall?.connection).toEqual({
      kind: 'identity',
      blobServiceUri: 'https://callstora.blob.core.windows.net/',
      clientId: 'CallStorage__clientId',
      managed: true,
    });
    expect(preCall).toBeDefined();
    expect(log.format).toBe('json');
    expect(postCall?.storesAudio).toBe(true);
  });

  it('reach the storage of the host by the name of its account and by identity', () => {
    expect(settings).toMatchObject({
      AzureWebJobsStorage__accountName: deployment.one('Microsoft.Storage/storageAccounts', 'sthost').name,
      AzureWebJobsStorage__credential: 'managedidentity',
      AzureWebJobsStorage__clientId: expect.stringMatching(/userAssignedIdentities\/id-.*\.clientId\]$/),
    });
    expect(settings).not.toHaveProperty('AzureWebJobsStorage__blobServiceUri');
  });

  it('have room for two-hour recordings, and less than the platform refuses, unless the deployment has a limit of its own', () => {
    const limit = Number(settings['FUNCTIONS_REQUEST_BODY_SIZE_LIMIT']);
    if (name === 'private') {
      expect(limit).toBe(32 * 2 ** 20);
    } else {
      expect(limit).toBeGreaterThan(160e6);
      expect(limit).toBeLessThanOrEqual(210e6);
    }
  });

  it('hold secrets only as references, without a version, to secrets of the vault', () => {
    const vault = deployment.one('Microsoft.KeyVault/vaults').name;
    const secretSettings = Object.entries(settings).filter(([setting]) => /SECRET|KEY/.test(setting));
    expect(secretSettings.length).toBe(name === 'all' ? 4 : 2);
    for (const [, value] of secretSettings) {
      const [, inVault, secret] = REFERENCE.exec(value) ?? [];
      expect(inVault).toBe(vault);
      expect(deployment.of('Microsoft.KeyVault/vaults/secrets').map((each) => each.name)).toContain(
        `${vault}/${secret}`,
      );
    }
    expect(deployment.text).not.toContain('SECRET-');
  });

  it('name a container for each kind of data, and the template makes it', () => {
    const containers = deployment
      .of('Microsoft.Storage/storageAccounts/blobServices/containers')
      .map((container) => container.name.split('/'))
      .filter(([account]) => account?.startsWith('stcalls'))
      .map(([, , container]) => container);
    const paths = Object.keys(settings).filter((setting) => setting.endsWith('_STORAGE_PATH'));
    expect(settingNames.filter((setting) => setting.endsWith('_STORAGE_PATH') && !paths.includes(setting))).toEqual([]);
    const ofCalls = containers.filter((container) => container !== 'undelivered-events');
    expect(paths.map((setting) => settings[setting]).sort()).toEqual(ofCalls.sort());
  });
});

describe('the initiation webhook', () => {
  const secrets = { ...SECRETS, 'initiation-secret': 'bearer_1,bearer_2', 'initiation-variables': '{"shop":"x"}' };

  it('is off unless it is asked for', () => {
    const { settings } = new Deployment('default');
    expect(Object.keys(settings).filter((name) => name.startsWith('INITIATION_'))).toEqual([]);
    expect(readSettings(inAzure(settings, secrets)).initiation.isUsed).toBe(false);
  });

  it('in the same app has its secret and its variables from the vault, and works with them', () => {
    const { initiation, callers } = readSettings(inAzure(new Deployment('all').settings, secrets));
    expect(initiation.problems).toEqual([]);
    expect(initiation.settings).toMatchObject({ secrets: ['bearer_1', 'bearer_2'], variables: { shop: 'x' } });
    expect(initiation.elevenLabs?.apiKey).toBe('key');
    expect(callers.settings?.path.container).toBe('callers');
  });

  describe('in an app of its own', () => {
    const deployment = new Deployment('initiation');
    const appOf = (start: string) => {
      const isOf = ({ name }: { name: string }) => new RegExp(`^${start}-(?!init-)`).test(name);
      const site = deployment.of('Microsoft.Web/sites').find(isOf);
      const settings = deployment.of('Microsoft.Web/sites/config').find(isOf)?.properties;
      if (site === undefined || settings === undefined) throw new Error(`There is no app ${start}`);
      return { site, settings: settings as Record<string, string> };
    };
    const [own, main] = [appOf('func-init'), appOf('func')];

    it('has every other function switched off but the one for health, and the first app has no secret for it', () => {
      const functions = readdirSync(`${root}src/functions`).map((file) => file.replace('.ts', ''));
      const on = functions.filter((name) => own.settings[`AzureWebJobs.${name}.Disabled`] !== 'true');
      expect(on.sort()).toEqual(['health', 'initiationWebhook']);
      expect(Object.keys(own.settings).filter((name) => name.endsWith('.Disabled'))).toHaveLength(functions.length - 2);
      expect(main.settings).not.toHaveProperty('INITIATION_SECRET');
      expect(own.settings).toMatchObject({ INITIATION_SECRET: expect.stringMatching(REFERENCE) });
    });

    it('is ready, and takes many at once with room for their bodies', () => {
      const { scaleAndConcurrency: scale, deployment: packages } = own.site.properties['functionAppConfig'] as {
        scaleAndConcurrency: {
          alwaysReady: unknown;
          instanceMemoryMB: number;
          triggers: { http: { perInstanceConcurrency: number } };
        };
        deployment: { storage: { value: string } };
      };
      expect(scale.alwaysReady).toEqual([{ name: 'http', instanceCount: 2 }]);
      const limitMiB = Number(own.settings['FUNCTIONS_REQUEST_BODY_SIZE_LIMIT']) / 2 ** 20;
      expect(190 + 116 + scale.triggers.http.perInstanceConcurrency * limitMiB * 8.3).toBeLessThan(
        scale.instanceMemoryMB,
      );
      expect(packages.storage.value).toContain('deployment-initiation');
      expect(own.site['tags']).toMatchObject({ 'azd-service-name': 'initiation' });
    });

    it('reads its settings without a problem', () => {
      const { problems, preCallProblems, initiation } = readSettings(inAzure(own.settings, secrets));
      expect([...problems, ...preCallProblems, ...initiation.problems]).toEqual([]);
    });

    it('has an address of its own to tell ElevenLabs', () => {
      expect(deployment.outputs['HAS_INITIATION_APP']).toBe(true);
      expect(deployment.outputs['INITIATION_WEBHOOK_URL']).toMatch(/initiation\/webhook', coalesce\(.*func-init-/);
    });
  });
});

describe('a first deployment without secrets', () => {
  const { problems, preCallProblems, postCall } = readSettings(inAzure(new Deployment('default').settings, {}));

  it('is red, not open', () => {
    expect(postCall).toBeUndefined();
    expect(problems).toEqual([
      { setting: 'ELEVENLABS_WEBHOOK_SECRET', message: expect.stringContaining('unresolved Key Vault reference') },
    ]);
  });

  it('says of pre-call only that it has no key', () => {
    expect(preCallProblems.map(({ setting }) => setting)).toEqual(['ELEVENLABS_API_KEY']);
  });
});

it('pre-call takes the secrets of the webhook unless it has its own', () => {
  const secretsOf = (name: 'default' | 'all', secrets: Record<string, string>) =>
    readSettings(inAzure(new Deployment(name).settings, secrets)).preCall?.signature.secrets;
  expect(secretsOf('default', SECRETS)).toEqual(['wsec_new', 'wsec_old']);
  expect(secretsOf('all', { ...SECRETS, 'elevenlabs-precall-webhook-secret': 'wsec_switch' })).toEqual(['wsec_switch']);
});

it('further settings stand beside those of the template and cannot replace what others rely on', () => {
  expect(new Deployment('all').settings).toMatchObject({
    PRECALL_AGENT_UPDATE: 'override',
    WEBHOOK_TOLERANCE_SECONDS: '1800',
    AUDIO_STORAGE_PATH: 'audio',
    LOG_FORMAT: 'json',
  });
});

it('late retries of a transcription, up to 41 minutes after it was signed, are within the tolerance', () => {
  expect(Number(new Deployment('default').settings['WEBHOOK_TOLERANCE_SECONDS'])).toBeGreaterThanOrEqual(41 * 60);
});

it('what becomes of unknown types, and which agents pre-call may change, are parameters', () => {
  expect(new Deployment('default').settings).toMatchObject({ UNKNOWN_EVENT_TYPES: 'refuse' });
  expect(new Deployment('default').settings).not.toHaveProperty('PRECALL_AGENT_IDS');
  expect(new Deployment('all').settings).toMatchObject({
    UNKNOWN_EVENT_TYPES: 'keep',
    PRECALL_AGENT_IDS: 'agent_1,agent_2',
  });
});

/** The comment on httpConcurrency in infra/main.bicep and docs/operate.md, Sized bodies, tell the same. */
describe('the memory of an instance', () => {
  /** MiB: block buffers, bodies that are held, idle host, idle Node. */
  const FIXED = 64 + 128 + 190 + 116;
  /** MiB for each request at once: 16 of JSON outside the audio, four times that when parsed. */
  const PARSED = 64;
  /** MiB for each MiB of a body with a Content-Length, at least: 512 in the host and 304 in Node for one of 99. */
  const SIZED = (512 + 304) / 99;

  const scale = (deployment: Deployment) => {
    const { scaleAndConcurrency } = deployment.one('Microsoft.Web/sites').properties['functionAppConfig'] as {
      scaleAndConcurrency: { instanceMemoryMB: number; triggers: { http: { perInstanceConcurrency: number } } };
    };
    const largest = Number(deployment.settings['FUNCTIONS_REQUEST_BODY_SIZE_LIMIT']) / 2 ** 20;
    const { instanceMemoryMB, triggers } = scaleAndConcurrency;
    return { memory: instanceMemoryMB, atOnce: triggers.http.perInstanceConcurrency, largest };
  };

  it.each(deploymentNames)('is enough for chunked bodies of any size at once in the deployment "%s"', (name) => {
    const { memory, atOnce } = scale(new Deployment(name));
    expect(FIXED + atOnce * PARSED).toBeLessThan(memory);
  });

  it('is enough for sized bodies only with the stricter parameters, which have no room for long recordings', () => {
    const needed = ({ atOnce, largest }: ReturnType<typeof scale>) => FIXED + atOnce * largest * SIZED;
    const [usual, strict] = [scale(new Deployment('default')), scale(new Deployment('private'))];
    expect(needed(usual)).toBeGreaterThan(usual.memory);
    expect(needed(strict)).toBeLessThan(strict.memory);
  });

  it.each(['infra/main.bicep', 'docs/operate.md', 'docs/how-it-works.md', 'docs/reliability.md'])(
    'is ended by so many sized bodies of such a size, as %s tells',
    (page) => {
      const text = readFileSync(`${root}${page}`, 'utf8').replace(/\s+(\/\/ )?/g, ' ');
      expect(text).toMatch(/[Tt]wo (such |sized )?bodies of 187 MB|[Tt]wo of 187 MB at once/);
      expect(text).toMatch(/or four of 104 MB,\** end an instance of 2048 MB/);
    },
  );

  it('has an alert before it is used up', () => {
    for (const name of deploymentNames) {
      const deployment = new Deployment(name);
      const alert = deployment.one('Microsoft.Insights/metricAlerts', 'memory-high');
      const { allOf } = alert.properties['criteria'] as { allOf: [{ metricName: string; threshold: number }] };
      expect(alert.properties['scopes']).toEqual([deployment.one('Microsoft.Web/sites')['id']]);
      expect(allOf[0].metricName).toBe('MemoryWorkingSet');
      expect(allOf[0].threshold / 2 ** 20 / scale(deployment).memory).toBeCloseTo(0.85, 2);
    }
  });
});

it('instances that are always ready: none unless asked for, and two at least where zones are to fail one by one', () => {
  const ready = (name: 'default' | 'all') =>
    (
      new Deployment(name).one('Microsoft.Web/sites').properties['functionAppConfig'] as {
        scaleAndConcurrency: { alwaysReady: unknown };
      }
    ).scaleAndConcurrency.alwaysReady;
  expect(ready('default')).toEqual([]);
  expect(ready('all')).toEqual([{ name: 'http', instanceCount: 2 }]);
});

it('the plan is Flex Consumption with Node 24, without instances that always run', () => {
  const deployment = new Deployment('default');
  expect(deployment.one('Microsoft.Web/serverfarms')['sku']).toEqual({ name: 'FC1', tier: 'FlexConsumption' });
  expect(deployment.one('Microsoft.Web/sites').properties['functionAppConfig']).toMatchObject({
    runtime: { name: 'node', version: '24' },
    scaleAndConcurrency: { alwaysReady: [], maximumInstanceCount: 40 },
  });
});

it('host.json has no extension bundle and ends a function after five minutes', () => {
  const host = JSON.parse(readFileSync(`${root}host.json`, 'utf8'));
  expect(host).not.toHaveProperty('extensionBundle');
  expect(host).toMatchObject({ functionTimeout: '00:05:00', extensions: { http: { routePrefix: '' } } });
});
