// An address inside the virtual network for one service, and its name there.
import { Tags } from 'types.bicep'

param name string
param location string
param tags Tags
param subnetId string
param targetId string
param part 'blob' | 'vault'
param zoneId string

resource endpoint 'Microsoft.Network/privateEndpoints@2024-07-01' = {
  name: 'pe-${name}'
  location: location
  tags: tags
  properties: {
    subnet: { id: subnetId }
    privateLinkServiceConnections: [{ name: name, properties: { privateLinkServiceId: targetId, groupIds: [part] } }]
  }

  resource address 'privateDnsZoneGroups' = {
    name: 'default'
    properties: { privateDnsZoneConfigs: [{ name: part, properties: { privateDnsZoneId: zoneId } }] }
  }
}
