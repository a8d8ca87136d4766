import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readSettings, settingNames } from '../../src/lib/settings/settings.ts';
import { root } from './bicep.ts';
import { Deployment, deploymentNames } from './deployment.ts';

/** Settings that the host reads; storage connections as `readConnection` and the host spell them. */
const HOST_SETTINGS = [
  'APPLICATIONINSIGHTS_CONNECTION_STRING',
  'APPLICATIONINSIGHTS_AUTHENTICATION_STRING',
  ...['AzureWebJobsStorage', 'CallStorage'].flatMap((name) =>
    ['blobServiceUri', 'credential', 'clientId'].map((part) => `${name}__${part}`),
  ),
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

describe.each(deploymentNames)('the settings of the deployment "%s"', (name) => {
  const deployment = new Deployment(name);
  const { settings } = deployment;

  it('are all known to the app or to the host', () => {
    const known = new Set([...settingNames, ...HOST_SETTINGS]);
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

  it('have room for two-hour recordings, and less than the platform refuses', () => {
    const limit = Number(settings['FUNCTIONS_REQUEST_BODY_SIZE_LIMIT']);
    expect(limit).toBeGreaterThan(160e6);
    expect(limit).toBeLessThanOrEqual(210e6);
  });

  it('hold secrets only as references, without a version, to secrets of the vault', () => {
    const vault = deployment.one('Microsoft.KeyVault/vaults').name;
    const secretSettings = Object.entries(settings).filter(([setting]) => /SECRET|KEY/.test(setting));
    expect(secretSettings.length).toBe(name === 'all' ? 3 : 2);
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
    const paths = settingNames.filter((setting) => setting.endsWith('_STORAGE_PATH'));
    expect(paths.map((setting) => settings[setting]).sort()).toEqual(containers.sort());
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
    WEBHOOK_TOLERANCE_SECONDS: '3600',
    AUDIO_STORAGE_PATH: 'audio',
    LOG_FORMAT: 'json',
  });
});

describe('the memory of an instance', () => {
  /** MiB: block buffers (docs/how-it-works.md, Memory), idle process (docs/performance.md), the host. */
  const FIXED = 64 + 180 + 300;
  /** MiB for each request at once: 16 of JSON outside the audio, four times that when parsed. */
  const PARSED = 64;

  it.each(deploymentNames)('is enough for the largest bodies at once in the deployment "%s"', (name) => {
    const deployment = new Deployment(name);
    const { scaleAndConcurrency } = deployment.one('Microsoft.Web/sites').properties['functionAppConfig'] as {
      scaleAndConcurrency: { instanceMemoryMB: number; triggers: { http: { perInstanceConcurrency: number } } };
    };
    const bodies = Number(deployment.settings['FUNCTIONS_REQUEST_BODY_SIZE_LIMIT']) / 2 ** 20;
    const needed = FIXED + scaleAndConcurrency.triggers.http.perInstanceConcurrency * (bodies + PARSED);
    expect(needed).toBeLessThan(scaleAndConcurrency.instanceMemoryMB);
  });
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
