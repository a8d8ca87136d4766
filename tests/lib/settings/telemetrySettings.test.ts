import { describe, expect, it } from 'vitest';
import { readTelemetrySettings } from '../../../src/lib/settings/telemetrySettings.ts';

const KEY = 'InstrumentationKey=00000000-0000-4000-8000-00000000abcd';
const CONNECTION_STRING = `${KEY};IngestionEndpoint=https://westeurope-5.in.applicationinsights.azure.com/;LiveEndpoint=https://westeurope.livediagnostics.monitor.azure.com/;ApplicationId=x`;

const read = (connectionString?: string, authentication?: string) =>
  readTelemetrySettings({
    APPLICATIONINSIGHTS_CONNECTION_STRING: connectionString,
    APPLICATIONINSIGHTS_AUTHENTICATION_STRING: authentication,
  });

describe('telemetry', () => {
  it.each([[undefined], [''], ['  ']])('is off, without a problem, when the connection string is %j', (text) => {
    expect(read(text, 'Authorization=AAD')).toEqual({ settings: undefined, problems: [] });
  });

  it.each([
    [CONNECTION_STRING],
    [KEY],
    [`${KEY};IngestionEndpoint=http://127.0.0.1:4321`],
    [KEY.toLowerCase()],
    [`${KEY};`],
  ])('is on with %s', (connectionString) => {
    expect(read(connectionString)).toEqual({ settings: { connectionString, identity: undefined }, problems: [] });
  });

  it.each([
    ['Authorization=AAD', {}],
    ['authorization = aad ;', {}],
    ['Authorization=AAD;ClientId=abc', { clientId: 'abc' }],
    ['ClientId=abc;Authorization=AAD', { clientId: 'abc' }],
    ['Authorization=AAD;ClientId=', {}],
  ])('signs in with an identity when it is told %s', (authentication, identity) => {
    expect(read(CONNECTION_STRING, authentication).settings?.identity).toEqual(identity);
  });

  it.each([
    ['InstrumentationKey=abc'],
    ['00000000-0000-4000-8000-00000000abcd'],
    ['IngestionEndpoint=https://westeurope-5.in.applicationinsights.azure.com/'],
    [`${KEY};IngestionEndpoint=http://example.com/`],
    [`${KEY};IngestionEndpoint=nowhere`],
  ])('is off, with one problem that does not repeat it, when the connection string is %s', (text) => {
    const { settings, problems } = read(text);
    expect(settings).toBeUndefined();
    expect(problems).toEqual([
      {
        setting: 'APPLICATIONINSIGHTS_CONNECTION_STRING',
        message: expect.stringMatching(/^is not a valid Application Insights connection string/),
      },
    ]);
    expect(problems[0]?.message).not.toContain(text);
  });

  it('is off when the connection string is a reference that the platform could not resolve', () => {
    const { problems } = read('@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/x)');
    expect(problems).toMatchObject([{ message: expect.stringMatching(/unresolved Key Vault reference/) }]);
  });

  it.each([['AAD'], ['Authorization=Key'], ['ClientId=abc']])(
    'is off when it is to sign in by %s',
    (authentication) => {
      const { settings, problems } = read(CONNECTION_STRING, authentication);
      expect(settings).toBeUndefined();
      expect(problems.map(({ setting }) => setting)).toEqual(['APPLICATIONINSIGHTS_AUTHENTICATION_STRING']);
    },
  );
});
