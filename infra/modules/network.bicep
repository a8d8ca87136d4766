// A virtual network for the app's way to storage and vault. ElevenLabs still calls the app from outside.
import { Tags } from 'types.bicep'

param name string
param location string
param tags Tags
param hostStorageId string
param callStorageId string
param vaultId string
param hasInitiationApp bool

var zones = {
  blob: 'privatelink.blob.${environment().suffixes.storage}'
  vault: 'privatelink.vaultcore.azure.net'
}

resource network 'Microsoft.Network/virtualNetworks@2024-07-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: ['10.0.0.0/24'] }
  }

  resource app 'subnets' = {
    name: 'app'
    properties: {
      addressPrefix: '10.0.0.0/26'
      delegations: [{ name: 'flex', properties: { serviceName: 'Microsoft.App/environments' } }]
    }
  }

  resource endpoints 'subnets' = {
    name: 'endpoints'
    properties: { addressPrefix: '10.0.0.64/27' }
    // Two changes of one network at a time are refused.
    dependsOn: [app]
  }
}

resource initiationSubnet 'Microsoft.Network/virtualNetworks/subnets@2024-07-01' = if (hasInitiationApp) {
  parent: network
  name: 'initiation'
  properties: {
    addressPrefix: '10.0.0.128/26'
    delegations: [{ name: 'flex', properties: { serviceName: 'Microsoft.App/environments' } }]
  }
  dependsOn: [network::endpoints]
}

resource blobZone 'Microsoft.Network/privateDnsZones@2024-06-01' = {
  name: zones.blob
  location: 'global'
  tags: tags

  resource link 'virtualNetworkLinks' = {
    name: name
    location: 'global'
    properties: { virtualNetwork: { id: network.id }, registrationEnabled: false }
  }
}

resource vaultZone 'Microsoft.Network/privateDnsZones@2024-06-01' = {
  name: zones.vault
  location: 'global'
  tags: tags

  resource link 'virtualNetworkLinks' = {
    name: name
    location: 'global'
    properties: { virtualNetwork: { id: network.id }, registrationEnabled: false }
  }
}

module hostStorageEndpoint 'privateEndpoint.bicep' = {
  name: 'endpoint-host-storage'
  params: {
    name: 'host-storage'
    location: location
    tags: tags
    subnetId: network::endpoints.id
    targetId: hostStorageId
    part: 'blob'
    zoneId: blobZone.id
  }
}

module callStorageEndpoint 'privateEndpoint.bicep' = {
  name: 'endpoint-call-storage'
  params: {
    name: 'call-storage'
    location: location
    tags: tags
    subnetId: network::endpoints.id
    targetId: callStorageId
    part: 'blob'
    zoneId: blobZone.id
  }
}

module vaultEndpoint 'privateEndpoint.bicep' = {
  name: 'endpoint-key-vault'
  params: {
    name: 'key-vault'
    location: location
    tags: tags
    subnetId: network::endpoints.id
    targetId: vaultId
    part: 'vault'
    zoneId: vaultZone.id
  }
}

// Whoever takes this waits for the whole module: the app is not to start before it can reach both.
output appSubnetId string = network::app.id
output initiationSubnetId string? = initiationSubnet.?id
