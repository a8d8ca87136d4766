import { expect, it } from 'vitest';
import { Deployment, type deploymentNames } from './deployment.ts';

const lastOf = (id = '') => id.split('/').at(-1) ?? '';

const addressesOf = (name: (typeof deploymentNames)[number], member: string) => {
  const { siteConfig } = new Deployment(name).one('Microsoft.Web/sites').properties as {
    siteConfig: Record<string, { ipAddress: string }[]>;
  };
  return (siteConfig[member] ?? []).map(({ ipAddress }) => ipAddress);
};

it('ElevenLabs is let in from all the addresses that it documents', () => {
  expect(addressesOf('default', 'ipSecurityRestrictions').filter((address) => address.endsWith('/32'))).toEqual(
    [
      ...['34.67.146.145', '34.59.11.47', '35.204.38.71', '34.147.113.54', '35.185.187.110', '35.247.157.189'],
      ...['34.77.234.246', '34.140.184.144', '34.93.26.174', '34.93.252.69', '34.87.23.17', '34.126.179.103'],
    ].map((address) => `${address}/32`),
  );
});

it('the operator adds addresses of callers and of deployers', () => {
  expect(addressesOf('all', 'ipSecurityRestrictions')).toEqual([
    ...['192.0.2.1/32', '198.51.100.7/32', '203.0.113.0/24', '2001:db8::7/128'],
    ...['ApplicationInsightsAvailability', 'Any'], // The former with a header: access.test.ts
  ]);
  expect(addressesOf('all', 'scmIpSecurityRestrictions')).toEqual(['198.51.100.8/32', 'Any']);
  expect(new Deployment('all').one('Microsoft.Web/sites').properties).toMatchObject({
    siteConfig: { scmIpSecurityRestrictionsDefaultAction: 'Deny' },
  });
  expect(new Deployment('default').one('Microsoft.Web/sites').properties).toMatchObject({
    siteConfig: { scmIpSecurityRestrictions: [], scmIpSecurityRestrictionsDefaultAction: 'Allow' },
  });
});

it('in a private network storage and vault cannot be reached from outside, and the app goes through it', () => {
  const deployment = new Deployment('private');
  const closed = [...deployment.of('Microsoft.Storage/storageAccounts'), deployment.one('Microsoft.KeyVault/vaults')];
  for (const { properties } of closed) {
    expect(properties).toMatchObject({ publicNetworkAccess: 'Disabled', networkAcls: { defaultAction: 'Deny' } });
  }
  const endpoints = deployment.of('Microsoft.Network/privateEndpoints').map(({ name, properties }) => {
    const [connection] = properties['privateLinkServiceConnections'] as {
      properties: { privateLinkServiceId: string };
    }[];
    return [name, lastOf(connection?.properties.privateLinkServiceId).replace(/-?.{13}$/, '')];
  });
  expect(endpoints).toEqual([
    ['pe-call-storage', 'stcalls'],
    ['pe-host-storage', 'sthost'],
    ['pe-key-vault', 'kv'],
  ]);
  expect(deployment.of('Microsoft.Network/privateEndpoints/privateDnsZoneGroups')).toHaveLength(3);
  const subnet = deployment.one('Microsoft.Web/sites').properties['virtualNetworkSubnetId'];
  expect(
    deployment.of('Microsoft.Network/virtualNetworks/subnets').find(({ id }) => id === subnet)?.properties,
  ).toMatchObject({
    delegations: [{ properties: { serviceName: 'Microsoft.App/environments' } }],
  });
});
