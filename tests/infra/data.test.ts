import { describe, expect, it } from 'vitest';
import { settingNames } from '../../src/lib/settings/settings.ts';
import { Deployment, deploymentNames } from './deployment.ts';

interface Rule {
  readonly name: string;
  readonly enabled: boolean;
  readonly definition: {
    readonly filters: { readonly prefixMatch: readonly string[] };
    readonly actions: {
      readonly baseBlob?: { readonly delete: { readonly daysAfterModificationGreaterThan: number } };
      readonly version: { readonly delete: { readonly daysAfterCreationGreaterThan: number } };
      readonly snapshot: { readonly delete: { readonly daysAfterCreationGreaterThan: number } };
    };
  };
}

function rulesOf(deployment: Deployment): readonly Rule[] {
  const { policy } = deployment.one('Microsoft.Storage/storageAccounts/managementPolicies').properties as {
    policy: { rules: Rule[] };
  };
  return policy.rules;
}

/** Days for blobs, versions and snapshots, by prefix. */
const daysOf = (name: (typeof deploymentNames)[number]) =>
  Object.fromEntries(
    rulesOf(new Deployment(name)).flatMap(({ definition: { filters, actions } }) =>
      filters.prefixMatch.map((prefix) => [
        prefix,
        [
          actions.baseBlob?.delete.daysAfterModificationGreaterThan,
          actions.version.delete.daysAfterCreationGreaterThan,
          actions.snapshot.delete.daysAfterCreationGreaterThan,
        ],
      ]),
    ),
  );

describe.each(deploymentNames)('in the deployment "%s"', (name) => {
  const deployment = new Deployment(name);

  it('what is deleted in the account of the calls can be restored', () => {
    const { properties } = deployment.one('Microsoft.Storage/storageAccounts/blobServices', 'stcalls');
    const days = name === 'all' ? 30 : 14;
    expect(properties).toEqual({
      deleteRetentionPolicy: { enabled: true, days },
      containerDeleteRetentionPolicy: { enabled: true, days },
      isVersioningEnabled: true,
    });
  });

  it('every kind of data has a retention rule of its own, with versions and snapshots', () => {
    const rules = rulesOf(deployment);
    expect(rules.every(({ enabled }) => enabled)).toBe(true);
    const prefixes = rules.flatMap(({ definition }) => definition.filters.prefixMatch);
    for (const setting of settingNames.filter((each) => each.endsWith('_STORAGE_PATH'))) {
      const container = `${deployment.settings[setting]}/`;
      expect(
        prefixes.filter((prefix) => prefix.startsWith(container)),
        setting,
      ).not.toEqual([]);
    }
    for (const [blobs, versions, snapshots] of Object.values(daysOf(name))) {
      expect(versions).toBe(snapshots);
      expect(versions).toBeLessThanOrEqual(blobs ?? Infinity);
    }
  });

  it('the vault keeps what is deleted, and nobody can purge it', () => {
    expect(deployment.one('Microsoft.KeyVault/vaults').properties).toMatchObject({
      enableRbacAuthorization: true,
      enableSoftDelete: true,
      softDeleteRetentionInDays: 90,
      enablePurgeProtection: true,
    });
  });

  it('a secret is written only when it was given', () => {
    const secrets = deployment.of('Microsoft.KeyVault/vaults/secrets');
    expect(secrets).toHaveLength(5);
    for (const { condition, properties } of secrets) {
      const [, parameter] = /^\[(parameters\('\w+'\))\]$/.exec(String(properties['value'])) ?? [];
      expect(parameter).toBeDefined();
      expect(condition).toBe(`[not(empty(${parameter}))]`);
    }
  });

  it('who reads calls and secrets is logged', () => {
    const logged = deployment
      .of('Microsoft.Insights/diagnosticSettings')
      .map(({ id, properties }) => [
        /(stcalls|sthost|kv)/.exec(String(id))?.[1],
        (properties['logs'] as { category: string }[]).map(({ category }) => category),
      ]);
    const storage = ['StorageRead', 'StorageWrite', 'StorageDelete'];
    expect(Object.fromEntries(logged)).toEqual({ kv: ['AuditEvent'], stcalls: storage, sthost: storage });
  });
});

it('the retention of each kind is what the parameters say', () => {
  expect(daysOf('all')).toMatchObject({
    'transcripts/': [11, 11, 11],
    'audio/': [12, 12, 12],
    'call-failures/': [13, 13, 13],
    'other-events/': [14, 14, 14],
    'voice-samples/': [15, 15, 15],
    'quarantine/': [16, 16, 16],
    'precall-state/conversations/': [17, 7, 7],
    'callers/': [18, 7, 7],
    'incoming/': [7, 1, 1],
    'undelivered-events/': [30, 1, 1],
  });
});

it('the state that clones and agents hang on, and what was erased, are never deleted by their age', () => {
  expect(daysOf('default')).toMatchObject({
    'precall-state/voices/': [undefined, 7, 7],
    'precall-state/agents/': [undefined, 7, 7],
    'precall-state/installation/': [undefined, 7, 7],
    'state/': [undefined, 7, 7],
  });
});

it('zones and locks are there when asked for, and not by default', () => {
  const [plain, all] = [new Deployment('default'), new Deployment('all')];
  const skusOf = (deployment: Deployment) => deployment.of('Microsoft.Storage/storageAccounts').map(({ sku }) => sku);
  expect(skusOf(plain)).toEqual([{ name: 'Standard_LRS' }, { name: 'Standard_LRS' }]);
  expect(skusOf(all)).toEqual([{ name: 'Standard_ZRS' }, { name: 'Standard_ZRS' }]);
  expect(all.one('Microsoft.Web/serverfarms').properties).toMatchObject({ zoneRedundant: true });
  expect(plain.of('Microsoft.Authorization/locks')).toEqual([]);
  const locks = all.of('Microsoft.Authorization/locks').map(({ id }) => /(stcalls|kv)/.exec(String(id))?.[1]);
  expect(locks.sort()).toEqual(['kv', 'stcalls']);
});

it('names differ from environment to environment', () => {
  const vaults = deploymentNames.map((name) => new Deployment(name).one('Microsoft.KeyVault/vaults').name);
  expect(new Set(vaults).size).toBe(deploymentNames.length);
  for (const vault of vaults) expect(vault).toMatch(/^[a-z][a-z0-9-]{2,23}$/);
});

it('Event Grid tells of calls that are stored, and of nothing else', () => {
  expect(new Deployment('default').of('Microsoft.EventGrid/systemTopics')).toEqual([]);
  const { properties } = new Deployment('all').one('Microsoft.EventGrid/systemTopics/eventSubscriptions');
  expect(properties).toMatchObject({
    filter: {
      includedEventTypes: ['Microsoft.Storage.BlobCreated'],
      advancedFilters: [
        {
          operatorType: 'StringBeginsWith',
          key: 'subject',
          values: ['transcripts', 'audio', 'call-failures'].map((area) => `/blobServices/default/containers/${area}/`),
        },
      ],
    },
    deliveryWithResourceIdentity: {
      identity: { type: 'SystemAssigned' },
      destination: { endpointType: 'StorageQueue', properties: { queueName: 'stored-calls' } },
    },
    deadLetterWithResourceIdentity: {
      identity: { type: 'SystemAssigned' },
      deadLetterDestination: {
        endpointType: 'StorageBlob',
        properties: {
          resourceId: new Deployment('all').one('Microsoft.Storage/storageAccounts', 'stcalls')['id'],
          blobContainerName: 'undelivered-events',
        },
      },
    },
  });
});
