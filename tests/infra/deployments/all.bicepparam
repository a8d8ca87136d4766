// Everything that can be switched on or set.
using '../../../infra/main.bicep'

param environmentName = 'all'
param location = 'northeurope'
param principalId = '00000000-0000-0000-0000-0000000000aa'
param elevenLabsWebhookSecret = 'SECRET-webhook'
param elevenLabsApiKey = 'SECRET-api-key'
param elevenLabsPreCallWebhookSecret = 'SECRET-pre-call'
param hasOwnPreCallSecret = true
param initiation = 'same-app'
param initiationSecret = 'SECRET-initiation'
param initiationVariables = '{"secret__token":"SECRET-variable"}'
param hasInitiationVariables = true
param unknownEventTypes = 'keep'
param preCallAgentIds = 'agent_1,agent_2'
param reconcileDays = 30
param appSettings = {
  PRECALL_AGENT_UPDATE: 'override'
  WEBHOOK_TOLERANCE_SECONDS: '1800'
  // Not replaced: the retention rules and the queries go by these.
  AUDIO_STORAGE_PATH: 'elsewhere'
  LOG_FORMAT: 'text'
}
param elevenLabsAddresses = ['192.0.2.1/32']
param operatorAddresses = '198.51.100.7, 203.0.113.0/24,2001:db8::7'
param deploymentAddresses = '198.51.100.8/32'
param instanceMemoryMB = 4096
param httpConcurrency = 12
param alwaysReadyInstances = 1
param maximumInstances = 100
param retentionDays = {
  transcripts: 11
  audio: 12
  callFailures: 13
  otherEvents: 14
  voiceSamples: 15
  quarantine: 16
  preCallConversations: 17
  callers: 18
}
param softDeleteDays = 30
param logRetentionDays = 90
param zoneRedundant = true
param deleteLock = true
param recoverVault = true
param alertEmail = 'operator@example.com, second@example.com'
param alertActionGroups = [
  '/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-on-call/providers/Microsoft.Insights/actionGroups/ag-on-call'
]
param heartbeatMinutes = 60
param failedCalls = 5
param alertOnReads = true
param monthlyBudget = 50
param budgetStart = '2026-12-01'
param availabilityTest = true
param availabilityTestSeconds = 300
param quietHours = 6
param privateNetwork = true
param storedCallEvents = true
