import { describe, expect, it } from 'vitest';
import { Deployment, deploymentNames, type Resource } from './deployment.ts';

const ROLES: Readonly<Record<string, string>> = {
  'b7e6dc6d-f1e8-4753-8033-0f276bb0955b': 'Storage Blob Data Owner',
  'ba92f5b4-2d11-453d-a403-e96b0029c9fe': 'Storage Blob Data Contributor',
  '4633458b-17de-408a-b874-0445c86b69e6': 'Key Vault Secrets User',
  'b86a8fe4-44ce-4948-aee5-eccb2c155cd7': 'Key Vault Secrets Officer',
  '3913510d-42f4-4e42-8a64-420c390055eb': 'Monitoring Metrics Publisher',
  'c6a89b2d-59bc-44d0-9896-0b6e12d7b80a': 'Storage Queue Data Message Sender',
};

const lastOf = (text: unknown) => String(text).split('/').at(-1) ?? '';

/** `scope: role` of every assignment, such as `stcalls: Storage Blob Data Contributor`. */
function rolesOf(deployment: Deployment, principal = ''): string[] {
  return deployment
    .of('Microsoft.Authorization/roleAssignments')
    .filter(({ properties }) => String(properties['principalId']).includes(principal))
    .map(({ id, properties }) => {
      const [, kind, container] =
        /\/(stcalls|sthost|kv|appi)[^/]*(?:\/.*\/containers\/([^/]+))?\/providers\/Microsoft\.Authorization\//.exec(
          String(id),
        ) ?? [];
      const scope = container === undefined ? kind : `${kind}/${container}`;
      return `${scope}: ${ROLES[lastOf(properties['roleDefinitionId'])]}`;
    })
    .sort();
}

describe.each(deploymentNames)('in the deployment "%s"', (name) => {
  const deployment = new Deployment(name);
  const site = deployment.one('Microsoft.Web/sites');
  const siteConfig = site.properties['siteConfig'] as Record<string, unknown>;

  it('there are no keys, and nothing that would read one', () => {
    expect(deployment.text).not.toMatch(
      /listKeys|listAccountSas|listServiceSas|list[A-Z]\w*\(|AccountKey=|SharedAccessSignature|[?&]sig=/,
    );
  });

  it('both storage accounts refuse keys, anonymous readers and old TLS', () => {
    const accounts = deployment.of('Microsoft.Storage/storageAccounts');
    expect(accounts.map((account) => account.name.replace(/.{13}$/, ''))).toEqual(['stcalls', 'sthost']);
    for (const { properties } of accounts) {
      expect(properties).toMatchObject({
        allowSharedKeyAccess: false,
        allowBlobPublicAccess: false,
        allowCrossTenantReplication: false,
        minimumTlsVersion: 'TLS1_2',
        supportsHttpsTrafficOnly: true,
      });
    }
    for (const { properties } of deployment.of('Microsoft.Storage/storageAccounts/blobServices/containers')) {
      expect(properties).toEqual({ publicAccess: 'None' });
    }
  });

  it('the site takes HTTPS with TLS 1.2 and no passwords', () => {
    expect(site.properties).toMatchObject({ httpsOnly: true });
    expect(siteConfig).toMatchObject({ minTlsVersion: '1.2', scmMinTlsVersion: '1.2' });
    // Newer stamps of Flex Consumption answer 400 to it (Azure/terraform-azurerm-avm-res-web-site#360).
    expect(siteConfig).not.toHaveProperty('ftpsState');
    expect(site.properties).toMatchObject({ functionsRuntimeAdminIsolationEnabled: true });
    expect(deployment.settings).toMatchObject({ AzureWebJobsDisableHomepage: 'true' });
    const policies = deployment.of('Microsoft.Web/sites/basicPublishingCredentialsPolicies');
    expect(policies.map((policy) => [lastOf(policy.name), policy.properties])).toEqual([
      ['ftp', { allow: false }],
      ['scm', { allow: false }],
    ]);
  });

  it('telemetry and logs are taken from identities only', () => {
    expect(deployment.one('Microsoft.Insights/components').properties).toMatchObject({ DisableLocalAuth: true });
    expect(deployment.one('Microsoft.OperationalInsights/workspaces').properties).toMatchObject({
      features: { disableLocalAuth: true },
    });
    expect(deployment.settings['APPLICATIONINSIGHTS_AUTHENTICATION_STRING']).toMatch(
      /^\[format\('ClientId=\{0\};Authorization=AAD', reference\('.*userAssignedIdentities\/id-.*\.clientId\)\]$/,
    );
  });

  it('the app has one identity, and the least roles for it', () => {
    const identity = deployment.one('Microsoft.ManagedIdentity/userAssignedIdentities');
    expect(site['identity']).toEqual({
      type: 'UserAssigned',
      userAssignedIdentities: { [String(identity['id'])]: {} },
    });
    expect(site.properties).toMatchObject({
      keyVaultReferenceIdentity: identity['id'],
      functionAppConfig: {
        deployment: {
          storage: {
            value: expect.stringContaining('sthost'),
            authentication: { type: 'UserAssignedIdentity', userAssignedIdentityResourceId: identity['id'] },
          },
        },
      },
    });
    expect(rolesOf(deployment, String(identity['id']))).toEqual([
      'appi: Monitoring Metrics Publisher',
      'kv: Key Vault Secrets User',
      'stcalls: Storage Blob Data Contributor',
      'sthost: Storage Blob Data Owner',
    ]);
  });

  it('callers are let in by their address, and everybody else is refused at the end', () => {
    const rules = siteConfig['ipSecurityRestrictions'] as Resource[];
    const byPriority = rules.toSorted((a, b) => Number(a['priority']) - Number(b['priority']));
    expect(byPriority.at(-1)).toMatchObject({ ipAddress: 'Any', action: 'Deny' });
    expect(byPriority.slice(0, -1).every((rule) => rule['action'] === 'Allow' && rule['ipAddress'] !== 'Any')).toBe(
      true,
    );
    expect(new Set(rules.map((rule) => rule['priority'])).size).toBe(rules.length);
    expect(siteConfig).toMatchObject({
      ipSecurityRestrictionsDefaultAction: 'Deny',
      scmIpSecurityRestrictionsUseMain: false,
    });
  });

  it('every resource that can be tagged carries the name of the environment', () => {
    const tagged = deployment.resources.filter((resource) => resource['tags'] !== undefined);
    expect(tagged.length).toBeGreaterThan(15);
    for (const { tags } of tagged) expect(tags).toMatchObject({ 'azd-env-name': name });
    expect(site['tags']).toMatchObject({ 'azd-service-name': 'webhook' });
  });

  it('no output holds a secret', () => {
    expect(Object.keys(deployment.outputs).sort()).toEqual([
      'AZURE_APPLICATION_INSIGHTS_NAME',
      'AZURE_CALL_STORAGE_NAME',
      'AZURE_FUNCTION_APP_NAME',
      'AZURE_KEY_VAULT_NAME',
      'AZURE_LOCATION',
      'AZURE_RESOURCE_GROUP',
      'HAS_INITIATION_APP',
      'HEALTH_URL',
      'INITIATION_WEBHOOK_URL',
      'PRECALL_WEBHOOK_URL',
      'SERVICE_INITIATION_NAME',
      'SERVICE_WEBHOOK_NAME',
      'SERVICE_WEBHOOK_URI',
      'WEBHOOK_URL',
    ]);
    expect(JSON.stringify(deployment.outputs)).not.toMatch(/SECRET|InstrumentationKey|ConnectionString/);
  });
});

it('whoever deploys may write secrets when named, whether that is a person, a group or a pipeline', () => {
  expect(rolesOf(new Deployment('default'))).not.toContain('kv: Key Vault Secrets Officer');
  expect(rolesOf(new Deployment('all'))).toContain('kv: Key Vault Secrets Officer');
  const [officer] = new Deployment('all')
    .of('Microsoft.Authorization/roleAssignments')
    .filter(({ properties }) => properties['principalId'] === '00000000-0000-0000-0000-0000000000aa');
  expect(officer?.properties).not.toHaveProperty('principalType');
});

it('Event Grid may send messages, and keep those that it could not deliver in a container of their own', () => {
  const all = new Deployment('all');
  const topic = String(all.one('Microsoft.EventGrid/systemTopics')['id']);
  expect(rolesOf(all, topic)).toEqual([
    'stcalls/undelivered-events: Storage Blob Data Contributor',
    'stcalls: Storage Queue Data Message Sender',
  ]);
});

describe('the service tag of availability tests, from whose addresses anybody in Azure can send what he likes', () => {
  const tagged = (name: 'default' | 'private' | 'all') =>
    (
      new Deployment(name).one('Microsoft.Web/sites').properties['siteConfig'] as {
        ipSecurityRestrictions: Resource[];
      }
    ).ipSecurityRestrictions.filter((rule) => rule['tag'] === 'ServiceTag');

  it('is let in by no deployment that does not ask for the test', () => {
    expect([...tagged('default'), ...tagged('private')]).toEqual([]);
    expect(new Deployment('default').of('Microsoft.Insights/webtests')).toEqual([]);
  });

  it('is let in only with the header that this test sends, whose value is made of a random key', () => {
    const [rule, ...others] = tagged('all');
    expect(others).toEqual([]);
    const [id] = (rule as unknown as { headers: { 'x-azure-fdid': [string] } }).headers['x-azure-fdid'];
    expect(id).toMatch(/^\[guid\(reference\(.*\.InstrumentationKey, 'availability test'\)\]$/);
    const { Request } = new Deployment('all').one('Microsoft.Insights/webtests').properties as {
      Request: { Headers: unknown };
    };
    expect(Request.Headers).toEqual([{ key: 'x-azure-fdid', value: id }]);
  });
});
