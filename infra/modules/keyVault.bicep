// The secrets. The app reads them through references in its settings; nothing else in the template sees them.
import { Tags } from 'types.bicep'

param name string
param location string
param tags Tags
param isPrivate bool
param recover bool
param deleteLock bool
param workspaceId string

@secure()
param elevenLabsWebhookSecret string
@secure()
param elevenLabsApiKey string
@secure()
param elevenLabsPreCallWebhookSecret string
@secure()
param initiationSecret string
@secure()
param initiationVariables string

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    createMode: recover ? 'recover' : 'default'
    tenantId: subscription().tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    enablePurgeProtection: true
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
    networkAcls: { defaultAction: isPrivate ? 'Deny' : 'Allow', bypass: 'AzureServices' }
  }
}

// An empty parameter writes nothing, so that a later deployment without it leaves the vault's secret alone.
resource webhookSecret 'Microsoft.KeyVault/vaults/secrets@2024-11-01' = if (!empty(elevenLabsWebhookSecret)) {
  parent: vault
  name: 'elevenlabs-webhook-secret'
  properties: { value: elevenLabsWebhookSecret }
}

resource apiKey 'Microsoft.KeyVault/vaults/secrets@2024-11-01' = if (!empty(elevenLabsApiKey)) {
  parent: vault
  name: 'elevenlabs-api-key'
  properties: { value: elevenLabsApiKey }
}

resource preCallSecret 'Microsoft.KeyVault/vaults/secrets@2024-11-01' = if (!empty(elevenLabsPreCallWebhookSecret)) {
  parent: vault
  name: 'elevenlabs-precall-webhook-secret'
  properties: { value: elevenLabsPreCallWebhookSecret }
}

resource initiation 'Microsoft.KeyVault/vaults/secrets@2024-11-01' = if (!empty(initiationSecret)) {
  parent: vault
  name: 'initiation-secret'
  properties: { value: initiationSecret }
}

resource variables 'Microsoft.KeyVault/vaults/secrets@2024-11-01' = if (!empty(initiationVariables)) {
  parent: vault
  name: 'initiation-variables'
  properties: { value: initiationVariables, contentType: 'application/json' }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: vault
  name: 'access'
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'AuditEvent', enabled: true }]
  }
}

resource lock 'Microsoft.Authorization/locks@2020-05-01' = if (deleteLock) {
  scope: vault
  name: 'keep'
  properties: { level: 'CanNotDelete', notes: 'ElevenLabs shows a secret only once.' }
}

output id string = vault.id
output name string = vault.name
