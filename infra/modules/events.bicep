// Tells other systems of each stored call: a blob appears, an event goes to a queue. More subscriptions may stand beside it.
import { CallAreas, Tags } from 'types.bicep'
import { undeliveredEvents } from 'retention.bicep'

param name string
param location string
param tags Tags
param accountName string
param areas CallAreas

var queueName = 'stored-calls'

@description('Storage Queue Data Message Sender')
var senderRoleId = 'c6a89b2d-59bc-44d0-9896-0b6e12d7b80a'

@description('Storage Blob Data Contributor')
var blobRoleId = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: accountName
}

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2025-06-01' = {
  parent: account
  name: 'default'

  resource queue 'queues' = {
    name: queueName
  }
}

resource blobService 'Microsoft.Storage/storageAccounts/blobServices@2025-06-01' existing = {
  parent: account
  name: 'default'

  resource undelivered 'containers' = {
    name: undeliveredEvents
    properties: { publicAccess: 'None' }
  }
}

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' = {
  name: name
  location: location
  tags: tags
  identity: { type: 'SystemAssigned' }
  properties: { source: account.id, topicType: 'Microsoft.Storage.StorageAccounts' }
}

resource topicSends 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: account
  name: guid(account.id, topic.id, senderRoleId)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', senderRoleId)
    principalId: topic.identity.principalId
    principalType: 'ServicePrincipal'
  }
}

resource topicKeepsUndelivered 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: blobService::undelivered
  name: guid(blobService::undelivered.id, topic.id, blobRoleId)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobRoleId)
    principalId: topic.identity.principalId
    principalType: 'ServicePrincipal'
  }
}

resource subscription 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = {
  parent: topic
  name: queueName
  properties: {
    eventDeliverySchema: 'CloudEventSchemaV1_0'
    filter: {
      includedEventTypes: ['Microsoft.Storage.BlobCreated']
      // Not `incoming`, where a recording is not yet what it will be, and not quarantine.
      advancedFilters: [
        {
          operatorType: 'StringBeginsWith'
          key: 'subject'
          values: map(
            [areas.transcripts, areas.audio, areas.callFailures],
            area => '/blobServices/default/containers/${area}/'
          )
        }
      ]
    }
    deliveryWithResourceIdentity: {
      identity: { type: 'SystemAssigned' }
      destination: {
        endpointType: 'StorageQueue'
        // A week, so that a reader may be down for a weekend.
        properties: { resourceId: account.id, queueName: queueName, queueMessageTimeToLiveInSeconds: 604800 }
      }
    }
    retryPolicy: { maxDeliveryAttempts: 30, eventTimeToLiveInMinutes: 1440 }
    // What could not be delivered within a day is kept as a blob instead of being dropped.
    deadLetterWithResourceIdentity: {
      identity: { type: 'SystemAssigned' }
      deadLetterDestination: {
        endpointType: 'StorageBlob'
        properties: { resourceId: account.id, blobContainerName: blobService::undelivered.name }
      }
    }
  }
  dependsOn: [topicSends, topicKeepsUndelivered, queueService::queue]
}
