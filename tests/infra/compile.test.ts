import { mkdtempSync, rmSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { settingNames } from '../../src/lib/settings/settings.ts';
import { bicep, type CompilerProcess, hasBicep, missing, root, startBicep } from './bicep.ts';

/** Nobody's: names that are made of ids are the same in every run. */
const DEPLOYMENT = {
  subscriptionId: '00000000-0000-0000-0000-000000000001',
  tenantId: '00000000-0000-0000-0000-000000000002',
  location: 'westeurope',
};

it.skipIf(!hasBicep && process.env['CI'] !== 'true')('there is a Bicep compiler; CI cannot do without', () => {
  expect(missing).toBeUndefined();
});

describe.skipIf(!hasBicep)('the Bicep compiler', { timeout: 180_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'infra-'));
  let compiler: CompilerProcess;
  beforeAll(() => {
    compiler = startBicep();
  });
  afterAll(() => {
    compiler.stop();
    rmSync(folder, { recursive: true });
  });

  /** The template's resources by their symbolic names. */
  async function resourcesOf(file: string): Promise<Record<string, { readonly dependsOn?: readonly string[] }>> {
    const { diagnostics, contents = '' } = await compiler.compile(join(root, file));
    expect(diagnostics).toEqual([]);
    return JSON.parse(contents).resources;
  }

  it('and its linter have nothing to say about the template, in which the app comes after its roles', async () => {
    const resources = await resourcesOf('infra/main.bicep');
    expect(resources['app']?.dependsOn).toEqual(expect.arrayContaining(['roles', 'network']));
    expect(resources['roles']?.dependsOn).toEqual(
      expect.arrayContaining(['hostStorage', 'callStorage', 'vault', 'monitoring']),
    );
  });

  it('takes the parameter file with the environment that azd hands over', async () => {
    const { code, output, diagnostics } = await bicep(root, ['build-params', 'infra/main.bicepparam', '--stdout'], {
      AZURE_ENV_NAME: 'production',
      AZURE_LOCATION: 'northeurope',
      OPERATOR_ADDRESSES: '192.0.2.1/32',
      HAS_OWN_PRECALL_SECRET: 'true',
    });
    expect(diagnostics).toBe('');
    expect(code).toBe(0);
    const { parametersJson } = JSON.parse(output) as { parametersJson: string };
    expect(JSON.parse(parametersJson)).toMatchObject({
      parameters: {
        environmentName: { value: 'production' },
        location: { value: 'northeurope' },
        operatorAddresses: { value: '192.0.2.1/32' },
        elevenLabsWebhookSecret: { value: '' },
        hasOwnPreCallSecret: { value: true },
      },
    });
  });

  describe('the parameter file', () => {
    /** Without the template, which takes most of the time and is of no account here. */
    async function parametersOf(environment: NodeJS.ProcessEnv): Promise<Record<string, { readonly value: unknown }>> {
      const file = join(folder, 'alone.bicepparam');
      const text = await readFile(join(root, 'infra/main.bicepparam'), 'utf8');
      await writeFile(file, text.replace(/^using .*$/m, 'using none'));
      const { output } = await bicep(root, ['build-params', file, '--stdout'], {
        AZURE_ENV_NAME: 'production',
        ...environment,
      });
      return JSON.parse((JSON.parse(output) as { parametersJson: string }).parametersJson).parameters;
    }

    it('takes nothing from the shell of a developer, who has the settings of `npm start` in it', async () => {
      const settings = [...settingNames, 'AzureWebJobsStorage', 'PORT', 'ELEVENLABS_OPERATOR_API_KEY'];
      const shell = Object.fromEntries(settings.map((name) => [name, 'of a developer']));
      const parameters = await parametersOf(shell);
      expect(parameters).toHaveProperty('elevenLabsWebhookSecret');
      expect(parameters).toEqual(await parametersOf({}));
    });

    it.each([
      ['a person who deploys gets it', '', 'principal'],
      ['a pipeline does not', 'true', ''],
    ])('of the right to write secrets: %s', async (_whom, CI, value) => {
      expect(await parametersOf({ AZURE_PRINCIPAL_ID: 'principal', CI })).toMatchObject({ principalId: { value } });
    });

    it('takes a secret by its name for azd alone', async () => {
      expect(await parametersOf({ AZD_ELEVENLABS_WEBHOOK_SECRET: 'wsec_production' })).toMatchObject({
        elevenLabsWebhookSecret: { value: 'wsec_production' },
      });
    });
  });

  it('changes the site one step at a time, because it refuses changes that come at once', async () => {
    const resources = await resourcesOf('infra/modules/functionApp.bicep');
    expect(resources['site::settings']?.dependsOn).toContain('site');
    expect(resources['site::ftpPasswords']?.dependsOn).toContain('site::settings');
    expect(resources['site::scmPasswords']?.dependsOn).toContain('site::ftpPasswords');
  });

  it('finds every file formatted as it would format it', async () => {
    for (const folder of ['infra', 'infra/modules', 'tests/infra/deployments']) {
      const files = (await readdir(join(root, folder))).filter((name) => /\.bicep(param)?$/.test(name));
      expect(files).not.toEqual([]);
      for (const file of files.map((name) => join(root, folder, name)))
        expect(await readFile(file, 'utf8'), file).toBe(await compiler.format(file));
    }
  });

  // `npm run test:infra -- -u` takes what the compiler says now.
  it.each(['default', 'private', 'all', 'initiation'])('predicts "%s" as it stands in its snapshot', async (name) => {
    const file = join(root, 'tests/infra/deployments', `${name}.bicepparam`);
    const snapshot = inOrder(JSON.parse(await compiler.predict(file, DEPLOYMENT)));
    await expect(`${JSON.stringify(snapshot, null, 2)}\n`).toMatchFileSnapshot(`deployments/${name}.snapshot.json`);
  });
});

/** The compiler writes members and resources in an order that changes from run to run. */
function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) {
    const isResources = value.every(
      (item: unknown) => typeof item === 'object' && item !== null && 'apiVersion' in item,
    );
    const items = value.map(inOrder);
    return isResources ? items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : items;
  }
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).map(([key, member]) => [key, inOrder(member)] as const);
  return Object.fromEntries(members.sort(([a], [b]) => (a < b ? -1 : 1)));
}
