// The app itself: a Flex Consumption plan, the site, who may reach it, and its settings.
import { CallAreas, Settings, Tags } from 'types.bicep'
import { settingsOfApp } from 'appSettings.bicep'

param name string
param planName string
param location string
param tags Tags
param zoneRedundant bool
param identityId string
param identityClientId string
param hostStorageName string
param callStorageName string
param vaultName string
param componentName string
param subnetId string?
param instanceMemoryMB int
param httpConcurrency int
param alwaysReadyInstances int
param maximumInstances int
param callerAddresses string[]
param deploymentAddresses string[]
param areas CallAreas

@description('Lets the availability test in, and nobody else from the same addresses.')
param isTestedFromOutside bool

param hasOwnPreCallSecret bool
param unknownEventTypes string
param preCallAgentIds string
param reconciliation bool
param reconcileDays int
param hasInitiation bool
param hasInitiationVariables bool
param appSettings Settings

@description('What azd deploys to it, by the name of the service in azure.yaml.')
param serviceName string = 'webhook'

@description('Of the account of the host: an app keeps its package there, and no two apps may share one.')
param deploymentContainer string = 'deployment'

// A zone-redundant plan wants two, so that one zone can fail
// (https://learn.microsoft.com/azure/reliability/reliability-functions).
var readyInstances = max(alwaysReadyInstances, zoneRedundant ? 2 : 0)

var denyAll = {
  name: 'deny all'
  description: 'Nobody else.'
  ipAddress: 'Any'
  action: 'Deny'
  priority: 2147483647
}

var callers = [
  for (address, index) in callerAddresses: {
    name: 'caller ${index + 1}'
    ipAddress: address
    action: 'Allow'
    priority: 100 + index
  }
]

var deployers = [
  for (address, index) in deploymentAddresses: {
    name: 'deployer ${index + 1}'
    ipAddress: address
    action: 'Allow'
    priority: 100 + index
  }
]

// The service tag alone would be an open door: every customer of Azure can send requests of his own choosing from its
// addresses (https://learn.microsoft.com/azure/azure-monitor/app/availability-private-test). The test sends this identifier
// in a header that rules can ask for; the key is random and in nobody's hands, and so is what is made of it.
var availabilityTestId = guid(component.properties.InstrumentationKey, 'availability test')

var availabilityTest = {
  name: 'availability test'
  tag: 'ServiceTag'
  ipAddress: 'ApplicationInsightsAvailability'
  headers: { 'x-azure-fdid': [availabilityTestId] }
  action: 'Allow'
  priority: 1000
}

resource hostStorage 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: hostStorageName
}

resource callStorage 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: callStorageName
}

resource component 'Microsoft.Insights/components@2020-02-02' existing = {
  name: componentName
}

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true, zoneRedundant: zoneRedundant }
}

resource site 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': serviceName })
  kind: 'functionapp,linux'
  identity: { type: 'UserAssigned', userAssignedIdentities: { '${identityId}': {} } }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    publicNetworkAccess: 'Enabled'
    keyVaultReferenceIdentity: identityId
    virtualNetworkSubnetId: subnetId
    // No /admin endpoints, not even with the master key. Flex takes it since
    // https://github.com/Azure/azure-functions-host/pull/11369; the types do not know it.
    #disable-next-line BCP037
    functionsRuntimeAdminIsolationEnabled: true
    functionAppConfig: {
      runtime: { name: 'node', version: '24' }
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${hostStorage.properties.primaryEndpoints.blob}${deploymentContainer}'
          authentication: { type: 'UserAssignedIdentity', userAssignedIdentityResourceId: identityId }
        }
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstances
        alwaysReady: readyInstances == 0 ? [] : [{ name: 'http', instanceCount: readyInstances }]
        triggers: { http: { perInstanceConcurrency: httpConcurrency } }
      }
    }
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      // No ftpsState: Flex has no FTP, and newer stamps refuse the setting itself
      // (https://github.com/Azure/terraform-azurerm-avm-res-web-site/issues/360).
      ipSecurityRestrictions: concat(callers, isTestedFromOutside ? [availabilityTest] : [], [denyAll])
      ipSecurityRestrictionsDefaultAction: 'Deny'
      // Deploying asks for an Entra identity with a role on the site; who may call has nothing to do with it.
      scmIpSecurityRestrictionsUseMain: false
      scmIpSecurityRestrictions: empty(deployers) ? [] : concat(deployers, [denyAll])
      scmIpSecurityRestrictionsDefaultAction: empty(deployers) ? 'Allow' : 'Deny'
    }
  }

  resource settings 'config' = {
    name: 'appsettings'
    properties: settingsOfApp({
      hostAccountName: hostStorage.name
      callBlobUri: callStorage.properties.primaryEndpoints.blob
      clientId: identityClientId
      vaultName: vaultName
      telemetry: component.properties.ConnectionString
      areas: areas
      hasOwnPreCallSecret: hasOwnPreCallSecret
      unknownEventTypes: unknownEventTypes
      preCallAgentIds: preCallAgentIds
      reconciliation: reconciliation
      reconcileDays: reconcileDays
      hasInitiation: hasInitiation
      hasInitiationVariables: hasInitiationVariables
      more: appSettings
    })
  }

  // No user names and passwords for deployment. One after the other: a site refuses changes that come at once.
  resource ftpPasswords 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    properties: { allow: false }
    dependsOn: [settings]
  }

  resource scmPasswords 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: { allow: false }
    dependsOn: [ftpPasswords]
  }
}

output id string = site.id
output name string = site.name
output availabilityTestId string = availabilityTestId
output hostName string = site.properties.defaultHostName
