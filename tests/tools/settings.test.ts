import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { readLocalSettings } from '../../tools/cli/localSettings.ts';
import { combineSettings, usesDevelopmentSecret } from '../../tools/cli/serve/settings.ts';
import { planStorage } from '../../tools/cli/serve/storagePlan.ts';
import { connectionString } from '../../tools/local/azurite.ts';

const folder = mkdtempSync(join(tmpdir(), 'local-settings-'));
afterAll(() => rmSync(folder, { recursive: true }));

function local(content: string): URL {
  const file = join(folder, 'local.settings.json');
  writeFileSync(file, content);
  return pathToFileURL(file);
}

test('the environment wins over local.settings.json, which wins over the defaults', () => {
  const settings = combineSettings({ A: 'environment' }, { A: 'local', ENABLE_AUDIO_STORAGE: 'false' });
  expect(settings).toMatchObject({ A: 'environment', ENABLE_AUDIO_STORAGE: 'false' });
  expect(settings).toMatchObject({ AzureWebJobsStorage: 'UseDevelopmentStorage=true' });
  expect(usesDevelopmentSecret(settings)).toBe(true);
});

test('an identity-based connection of the user keeps the default one out', () => {
  const settings = combineSettings({ AzureWebJobsStorage__accountName: 'a' }, {});
  expect(settings).not.toHaveProperty('AzureWebJobsStorage');
});

test('local.settings.json may be missing, and its empty values count as unset', () => {
  expect(readLocalSettings(pathToFileURL(join(folder, 'none.json')))).toEqual({});
  expect(readLocalSettings(local('\uFEFF{"Values":{"A":"1","B":"","C":2}}'))).toEqual({ A: '1', C: '2' });
});

test.each([
  ['{"Values":\n{"A":"secret",}}', /not valid JSON(?!.*secret)/],
  ['{"IsEncrypted":true,"Values":{}}', /encrypted/],
  ['{"Values":[]}', /"Values"/],
  ['{"Values":{"A":{}}}', /the setting A/],
  ['[]', /JSON object/],
])('local.settings.json with %j is refused with a reason', (content, reason) => {
  expect(() => readLocalSettings(local(content))).toThrow(reason);
});

const account = 'AccountName=acme;AccountKey=a2V5';

test.each([
  [{ AzureWebJobsStorage: 'UseDevelopmentStorage=true' }, { kind: 'development', port: 10000, usesShortForm: true }],
  [{ CallStorage: connectionString(10010) }, { kind: 'development', port: 10010, usesShortForm: false }],
  [
    { CallStorage: `${account};EndpointSuffix=core.windows.net` },
    { kind: 'elsewhere', host: 'acme.blob.core.windows.net' },
  ],
  [
    { CallStorage: `${account};BlobEndpoint=https://blobs.example.com/` },
    { kind: 'elsewhere', host: 'blobs.example.com' },
  ],
  [
    { CallStorage__blobServiceUri: 'https://x.blob.core.windows.net' },
    { kind: 'elsewhere', host: 'x.blob.core.windows.net' },
  ],
  [{ AzureWebJobsStorage__accountName: 'acme' }, { kind: 'elsewhere', host: 'acme.blob.core.windows.net' }],
  [{ CallStorage: `${account}`, AzureWebJobsStorage: 'UseDevelopmentStorage=true' }, { kind: 'elsewhere' }],
  [{}, { kind: 'none' }],
])('storage is planned from %j', (settings, plan) => {
  expect(planStorage(settings as Record<string, string>, 10000)).toMatchObject(plan);
});
