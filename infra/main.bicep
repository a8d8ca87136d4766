// The whole service from an empty subscription: `azd up`, or `az deployment sub create` with the same template.
targetScope = 'subscription'

import { CallAreas, Settings } from 'modules/types.bicep'

@description('Name of the environment. It stands in the names of all resources, so two environments never share one.')
@minLength(1)
@maxLength(64)
param environmentName string

@description('Where everything is created.')
param location string = 'westeurope'

@description('Object id of whoever deploys; may then write the secrets of the vault. Empty: nobody is given that role.')
param principalId string = ''

// Secrets. An empty one writes nothing: the vault keeps what it has.

@description('Secret of the ElevenLabs webhook, or up to four separated by commas, newest first.')
@secure()
param elevenLabsWebhookSecret string = ''

@description('API key of ElevenLabs, for pre-call.')
@secure()
param elevenLabsApiKey string = ''

@description('Secrets of the pre-call endpoint alone. Takes effect with hasOwnPreCallSecret.')
@secure()
param elevenLabsPreCallWebhookSecret string = ''

@description('The pre-call endpoint has secrets of its own in the vault. A switch, because an empty secret above does not say that there is none.')
param hasOwnPreCallSecret bool = false

@description('The conversation initiation webhook, which ElevenLabs asks before a call: not there, in the same app, or in an app of its own, whose instances no recording keeps busy (docs/initiation.md).')
@allowed(['off', 'same-app', 'own-app'])
param initiation string = 'off'

@description('Secret that ElevenLabs sends to the initiation webhook, or up to four separated by commas.')
@secure()
param initiationSecret string = ''

@description('Dynamic variables that every call gets, as a JSON object. Takes effect with hasInitiationVariables.')
@secure()
param initiationVariables string = ''

@description('The vault has the secret initiation-variables. A switch, because an empty parameter above does not say that there is none.')
param hasInitiationVariables bool = false

@description('Instances of the app of its own that are always running and always billed: a cold start is longer than ElevenLabs may wait.')
@minValue(0)
@maxValue(20)
param initiationReadyInstances int = 1

// Its bodies are at most 1 MB, and one with a Content-Length takes about eight times that: 100 fit into 2048 MB.
@description('Questions at once on one instance of the app of its own.')
@minValue(1)
@maxValue(100)
param initiationConcurrency int = 100

@description('What becomes of a genuine event of a type that the app does not know: refused and quarantined, or kept.')
@allowed(['refuse', 'keep'])
param unknownEventTypes string = 'refuse'

@description('Agents that pre-call may change, separated by commas. Empty: every agent that the API key reaches.')
param preCallAgentIds string = ''

@description('Fetches from ElevenLabs what no webhook has brought, every hour. Needs an API key with the permission convai_read; without one it does nothing.')
param reconciliation bool = true

@description('Days that reconciliation looks back. Never as many as transcripts or recordings are kept: what retention has deleted would be fetched again.')
@minValue(1)
@maxValue(365)
param reconcileDays int = 7

@description('Further settings of the app by name (docs/reference.md). The template\'s own cannot be replaced, see modules/appSettings.bicep.')
param appSettings Settings = {}

// Who may call.

@description('Addresses from which ElevenLabs sends webhooks, all regions of its documentation.')
param elevenLabsAddresses string[] = [
  // United States (default)
  '34.67.146.145/32'
  '34.59.11.47/32'
  // Europe
  '35.204.38.71/32'
  '34.147.113.54/32'
  // Asia
  '35.185.187.110/32'
  '35.247.157.189/32'
  // EU residency
  '34.77.234.246/32'
  '34.140.184.144/32'
  // India residency
  '34.93.26.174/32'
  '34.93.252.69/32'
  // Singapore residency
  '34.87.23.17/32'
  '34.126.179.103/32'
]

@description('Your own addresses, separated by commas, ranges in CIDR form: telephone switches that call pre-call, people who test.')
param operatorAddresses string = ''

@description('Addresses from which code may be deployed, separated by commas. Empty: from anywhere, with an Entra identity; hosted runners have no fixed addresses.')
param deploymentAddresses string = ''

// How much of it.

@description('Memory of an instance. 512 is too little: 64 MiB of block buffers, up to 128 MiB of bodies, Node and the host fill it.')
@allowed([2048, 4096])
param instanceMemoryMB int = 2048

// Recordings, which ElevenLabs sends chunked, cost nothing beyond the block buffers. In MiB: 64 blocks + 128 bodies held + 190
// host and 116 Node when idle + 4 × 16 JSON outside the audio, about four times that when parsed (256) = 754 of 2048. With
// 4096 MB it may be 12.
// A body with a Content-Length is another matter: the host reads it whole and keeps it several times over before the app is
// asked, and no signature is needed for that. At once, **two such bodies of 187 MB, or four of 104 MB, end an instance of
// 2048 MB**; four of 67 MB do not (measured with host 4.1037 and 1.5 GiB of heap for it). Only
// FUNCTIONS_REQUEST_BODY_SIZE_LIMIT bounds that, and recordings of two hours need it: they win. Alerts: memory-high,
// process-died. Parameters for those who have no long calls: docs/operate.md, Sized bodies.
@description('Requests at once on one instance; more start another instance.')
@minValue(1)
@maxValue(100)
param httpConcurrency int = 4

@description('Instances that are always running and always billed; 0 means that the first call after a pause waits for a cold start. At least 2 when zoneRedundant.')
@minValue(0)
@maxValue(20)
param alwaysReadyInstances int = 0

// 160 requests at once, far more than a webhook needs. For HTTP the platform does not take it strictly:
// https://github.com/Azure/azure-functions-host/issues/11790
@description('Instances at most, and so about the most that a flood can cost.')
@minValue(1)
@maxValue(1000)
param maximumInstances int = 40

// What is kept, and for how long.

@description('Days after which each kind of data is deleted, its versions and snapshots included. The account keeps what is deleted for softDeleteDays more.')
param retentionDays {
  transcripts: int
  audio: int
  callFailures: int
  otherEvents: int
  voiceSamples: int
  quarantine: int
  preCallConversations: int
  callers: int
} = {
  transcripts: 365
  audio: 90
  callFailures: 90
  otherEvents: 365
  // Biometric: no longer than a complaint about a clone takes.
  voiceSamples: 30
  // Long enough to notice, to teach the app, and to send it again.
  quarantine: 90
  // The app forgets ended conversations after 7 days by itself.
  preCallConversations: 30
  // Since the last change of an entry.
  callers: 365
}

@description('Days for which a deleted blob, version or container can be restored.')
@minValue(1)
@maxValue(365)
param softDeleteDays int = 14

@description('Days for which logs are kept. They hold ids, sizes, times and outcomes, nothing of a call.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 30

@description('Spreads storage and instances over the zones of the region, where it has them. Costs more: at least two instances are always ready. The plan can be switched later; an existing storage account has to be converted first.')
param zoneRedundant bool = false

@description('Locks the calls\' account and the vault against deletion. With it `azd down` fails until the locks are removed. Setting and removing them takes Owner or User Access Administrator.')
param deleteLock bool = false

@description('Takes back the vault of an environment of this name that was deleted: purge protection keeps it, and so its name, for 90 days.')
param recoverVault bool = false

// What is watched.

@description('Where alerts are sent, addresses separated by commas. Empty: they are only seen in the portal.')
param alertEmail string = ''

@description('Action groups that exist and get every alert as well, by resource id, four at most: SMS, a chat, who is on call.')
@maxLength(4)
param alertActionGroups string[] = []

@description('Minutes within which a run of the timer has to find everything well: three times the interval of SWEEP_SCHEDULE, and 30 at least.')
@allowed([30, 45, 60, 120, 180, 240, 300, 360, 1440, 2880])
param heartbeatMinutes int = 30

@description('Alert when more than so many calls within an hour could not be initiated (busy, no answer, refused). 0: never.')
@minValue(0)
param failedCalls int = 0

@description('Alert when a person reads blobs of calls. Every read is logged in any case.')
param alertOnReads bool = false

@description('Mail when the costs of a month come near this amount, in the currency of the bill. 0: no budget. It stops nothing.')
@minValue(0)
param monthlyBudget int = 0

@description('First day of the month in which the budget was first deployed, such as 2026-12-01. Azure takes no change of it afterwards.')
param budgetStart string = ''

@description('Asks /health from outside, which shows that the address can be reached; the heartbeat of the timer does not. Needs a way through the address rules that has not been tried on Flex Consumption.')
param availabilityTest bool = false

// Three places every 15 minutes are 288 tests a day. Every 5 minutes costs three times as much; failed deliveries are noticed
// by their own alert within 5 minutes.
@description('Seconds between two availability tests from the same place.')
@allowed([300, 600, 900])
param availabilityTestSeconds int = 900

@description('Alert after so many hours without a stored event. 0: never, for example where nobody calls at night.')
@allowed([0, 1, 2, 3, 4, 5, 6, 24, 48])
param quietHours int = 48

// Options.

@description('Storage and vault are reached through private endpoints in a virtual network, and no longer from outside of it.')
param privateNetwork bool = false

@description('A message of Event Grid for each stored transcript, recording and failed call, in the queue `stored-calls`: docs/after-the-call.md.')
param storedCallEvents bool = false

func partsOf(list string) string[] => filter(map(split(list, ','), part => trim(part)), part => !empty(part))

// The site takes ranges only.
func addressesIn(list string) string[] =>
  map(partsOf(list), address => contains(address, '/') ? address : '${address}/${contains(address, ':') ? 128 : 32}')

var tags = { 'azd-env-name': environmentName }
var token = toLower(uniqueString(subscription().id, environmentName, location))

// One place for both, the app's settings and the retention rules, so that no kind of data is forgotten by either.
var areas CallAreas = {
  transcripts: 'transcripts'
  audio: 'audio'
  callFailures: 'call-failures'
  otherEvents: 'other-events'
  quarantine: 'quarantine'
  incoming: 'incoming'
  voiceSamples: 'voice-samples'
  preCallState: 'precall-state'
  state: 'state'
  callers: 'callers'
}

// Transcripts that retention has deleted would be fetched again.
var daysOfReconciliation = max(min(reconcileDays, retentionDays.transcripts - 1, retentionDays.audio - 1), 1)

// What an app that has only the initiation webhook does not do.
var otherFunctions = [
  'postCallHealth'
  'postCallWebhook'
  'preCallHealth'
  'preCallWebhook'
  'reconcile'
  'sweep'
]

var names = {
  identity: 'id-${token}'
  hostStorage: 'sthost${token}'
  callStorage: 'stcalls${token}'
  vault: 'kv-${token}'
  workspace: 'log-${token}'
  component: 'appi-${token}'
  actionGroup: 'ag-${token}'
  plan: 'plan-${token}'
  app: 'func-${token}'
  initiationPlan: 'plan-init-${token}'
  initiationApp: 'func-init-${token}'
  network: 'vnet-${token}'
  topic: 'evgt-${token}'
}

resource group 'Microsoft.Resources/resourceGroups@2024-11-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module identity 'modules/identity.bicep' = {
  scope: group
  name: 'identity'
  params: { name: names.identity, location: location, tags: tags }
}

module monitoring 'modules/monitoring.bicep' = {
  scope: group
  name: 'monitoring'
  params: {
    workspaceName: names.workspace
    componentName: names.component
    actionGroupName: names.actionGroup
    location: location
    tags: tags
    retentionDays: logRetentionDays
    alertAddresses: partsOf(alertEmail)
  }
}

var actionGroupIds = concat([monitoring.outputs.actionGroupId], alertActionGroups)

module hostStorage 'modules/storageAccount.bicep' = {
  scope: group
  name: 'host-storage'
  params: {
    name: names.hostStorage
    location: location
    tags: tags
    containers: initiation == 'own-app' ? ['deployment', 'deployment-initiation'] : ['deployment']
    zoneRedundant: zoneRedundant
    isPrivate: privateNetwork
    softDeleteDays: 7
    workspaceId: monitoring.outputs.workspaceId
  }
}

module callStorage 'modules/storageAccount.bicep' = {
  scope: group
  name: 'call-storage'
  params: {
    name: names.callStorage
    location: location
    tags: tags
    containers: map(items(areas), area => area.value)
    zoneRedundant: zoneRedundant
    isPrivate: privateNetwork
    softDeleteDays: softDeleteDays
    hasVersions: true
    deleteLock: deleteLock
    workspaceId: monitoring.outputs.workspaceId
  }
}

module retention 'modules/retention.bicep' = {
  scope: group
  name: 'retention'
  params: {
    accountName: names.callStorage
    areas: areas
    days: retentionDays
  }
  dependsOn: [callStorage]
}

module vault 'modules/keyVault.bicep' = {
  scope: group
  name: 'key-vault'
  params: {
    name: names.vault
    location: location
    tags: tags
    isPrivate: privateNetwork
    recover: recoverVault
    deleteLock: deleteLock
    workspaceId: monitoring.outputs.workspaceId
    elevenLabsWebhookSecret: elevenLabsWebhookSecret
    elevenLabsApiKey: elevenLabsApiKey
    elevenLabsPreCallWebhookSecret: elevenLabsPreCallWebhookSecret
    initiationSecret: initiationSecret
    initiationVariables: initiationVariables
  }
}

module roles 'modules/roles.bicep' = {
  scope: group
  name: 'roles'
  params: {
    identityName: names.identity
    identityPrincipalId: identity.outputs.principalId
    hostStorageName: names.hostStorage
    callStorageName: names.callStorage
    vaultName: names.vault
    componentName: names.component
    operatorPrincipalId: principalId
  }
  dependsOn: [hostStorage, callStorage, vault, monitoring]
}

module network 'modules/network.bicep' = if (privateNetwork) {
  scope: group
  name: 'network'
  params: {
    name: names.network
    location: location
    tags: tags
    hostStorageId: hostStorage.outputs.id
    callStorageId: callStorage.outputs.id
    vaultId: vault.outputs.id
    hasInitiationApp: initiation == 'own-app'
  }
}

module app 'modules/functionApp.bicep' = {
  scope: group
  name: 'function-app'
  params: {
    name: names.app
    planName: names.plan
    location: location
    tags: tags
    zoneRedundant: zoneRedundant
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    hostStorageName: names.hostStorage
    callStorageName: names.callStorage
    vaultName: names.vault
    componentName: names.component
    subnetId: network.?outputs.appSubnetId
    instanceMemoryMB: instanceMemoryMB
    httpConcurrency: httpConcurrency
    alwaysReadyInstances: alwaysReadyInstances
    maximumInstances: maximumInstances
    callerAddresses: union(elevenLabsAddresses, addressesIn(operatorAddresses))
    deploymentAddresses: addressesIn(deploymentAddresses)
    isTestedFromOutside: availabilityTest
    areas: areas
    hasOwnPreCallSecret: hasOwnPreCallSecret
    unknownEventTypes: unknownEventTypes
    preCallAgentIds: preCallAgentIds
    reconciliation: reconciliation
    reconcileDays: daysOfReconciliation
    hasInitiation: initiation == 'same-app'
    hasInitiationVariables: hasInitiationVariables
    appSettings: appSettings
  }
  // What the app may do has to be in place before it starts: a reference that cannot be resolved stays so for a day.
  dependsOn: [roles]
}

// The same package with all other functions off: the timers of the other app keep what agents allow fresh for both. `health`
// stays, for whoever looks.
module initiationApp 'modules/functionApp.bicep' = if (initiation == 'own-app') {
  scope: group
  name: 'initiation-app'
  params: {
    name: names.initiationApp
    planName: names.initiationPlan
    serviceName: 'initiation'
    deploymentContainer: 'deployment-initiation'
    location: location
    tags: tags
    zoneRedundant: zoneRedundant
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    hostStorageName: names.hostStorage
    callStorageName: names.callStorage
    vaultName: names.vault
    componentName: names.component
    subnetId: network.?outputs.initiationSubnetId
    instanceMemoryMB: 2048
    httpConcurrency: initiationConcurrency
    alwaysReadyInstances: initiationReadyInstances
    maximumInstances: maximumInstances
    callerAddresses: union(elevenLabsAddresses, addressesIn(operatorAddresses))
    deploymentAddresses: addressesIn(deploymentAddresses)
    isTestedFromOutside: false
    areas: areas
    hasOwnPreCallSecret: hasOwnPreCallSecret
    unknownEventTypes: unknownEventTypes
    preCallAgentIds: preCallAgentIds
    reconciliation: reconciliation
    reconcileDays: daysOfReconciliation
    hasInitiation: true
    hasInitiationVariables: hasInitiationVariables
    appSettings: union(
      appSettings,
      {
        FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: '1048576'
        VOICE_CLONE_MAX_SIZE_MB: '0.5' // no more fits, and nobody sends one here
      },
      // https://learn.microsoft.com/azure/azure-functions/disable-function
      toObject(otherFunctions, name => 'AzureWebJobs.${name}.Disabled', name => 'true')
    )
  }
  dependsOn: [roles]
}

module availability 'modules/availability.bicep' = if (availabilityTest) {
  scope: group
  name: 'availability'
  params: {
    location: location
    tags: tags
    appName: names.app
    hostName: app.outputs.hostName
    componentName: names.component
    actionGroupIds: actionGroupIds
    testId: app.outputs.availabilityTestId
    frequencySeconds: availabilityTestSeconds
  }
}

module alerts 'modules/alerts.bicep' = {
  scope: group
  name: 'alerts'
  params: {
    location: location
    tags: tags
    componentName: names.component
    workspaceId: monitoring.outputs.workspaceId
    appName: names.app
    actionGroupIds: actionGroupIds
    instanceMemoryMB: instanceMemoryMB
    quietHours: quietHours
    heartbeatMinutes: heartbeatMinutes
    reconciliation: reconciliation
    initiation: initiation != 'off'
    failedCalls: failedCalls
    alertOnReads: alertOnReads
  }
  dependsOn: [app]
}

module budget 'modules/budget.bicep' = if (monthlyBudget > 0) {
  scope: group
  name: 'budget'
  params: {
    amount: monthlyBudget
    startDate: budgetStart
    actionGroupIds: actionGroupIds
    addresses: partsOf(alertEmail)
  }
}

module workbook 'modules/workbook.bicep' = {
  scope: group
  name: 'workbook'
  params: {
    location: location
    tags: tags
    componentName: names.component
  }
  dependsOn: [monitoring]
}

module events 'modules/events.bicep' = if (storedCallEvents) {
  scope: group
  name: 'events'
  params: {
    name: names.topic
    location: location
    tags: tags
    accountName: names.callStorage
    areas: areas
  }
  dependsOn: [callStorage]
}

output AZURE_LOCATION string = location
output AZURE_RESOURCE_GROUP string = group.name
output AZURE_FUNCTION_APP_NAME string = names.app
output AZURE_KEY_VAULT_NAME string = names.vault
output AZURE_CALL_STORAGE_NAME string = names.callStorage
output AZURE_APPLICATION_INSIGHTS_NAME string = names.component
output SERVICE_WEBHOOK_NAME string = names.app
output SERVICE_WEBHOOK_URI string = 'https://${app.outputs.hostName}'
output WEBHOOK_URL string = 'https://${app.outputs.hostName}/elevenlabs/webhook'
output PRECALL_WEBHOOK_URL string = 'https://${app.outputs.hostName}/elevenlabs/precall/webhook'
output HAS_INITIATION_APP bool = initiation == 'own-app'
output SERVICE_INITIATION_NAME string = initiation == 'own-app' ? names.initiationApp : ''
output INITIATION_WEBHOOK_URL string = initiation == 'off'
  ? ''
  : 'https://${initiationApp.?outputs.hostName ?? app.outputs.hostName}/elevenlabs/initiation/webhook'
output HEALTH_URL string = 'https://${app.outputs.hostName}/health'
