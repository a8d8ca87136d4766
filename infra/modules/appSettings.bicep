import { CallAreas, Settings } from 'types.bicep'

@description('What the settings are made of.')
type Facts = {
  hostAccountName: string
  callBlobUri: string
  clientId: string
  vaultName: string
  telemetry: string
  areas: CallAreas
  hasOwnPreCallSecret: bool
  unknownEventTypes: string
  preCallAgentIds: string
  reconciliation: bool
  reconcileDays: int
  hasInitiation: bool
  hasInitiationVariables: bool
  more: Settings
}

@description('Without a version: a new secret in the vault reaches the app by itself within a day.')
func secretOf(vaultName string, secretName string) string =>
  '@Microsoft.KeyVault(VaultName=${vaultName};SecretName=${secretName})'

@export()
@description('The settings of the app. Those of `more` stand beside them; only the first group can be replaced.')
func settingsOfApp(facts Facts) Settings =>
  union(
    {
      ENABLE_AUDIO_STORAGE: 'true'
      LOG_LEVEL: 'INFO'
      // ElevenLabs sends a transcription again for 41 minutes and does not say whether it signs it anew.
      WEBHOOK_TOLERANCE_SECONDS: '3600'
      // Recordings of two hours: about 154 MB as base64. 210 MB is the most that the platform takes.
      FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: '209715200'
    },
    facts.more,
    {
      // Both as the Functions host spells identity-based connections. Its own by the account's name: with __blobServiceUri alone
      // a start can fail early (https://github.com/Azure/azure-functions-host/issues/11787).
      AzureWebJobsStorage__accountName: facts.hostAccountName
      AzureWebJobsStorage__credential: 'managedidentity'
      AzureWebJobsStorage__clientId: facts.clientId
      CallStorage__blobServiceUri: facts.callBlobUri
      CallStorage__credential: 'managedidentity'
      CallStorage__clientId: facts.clientId
      APPLICATIONINSIGHTS_CONNECTION_STRING: facts.telemetry
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${facts.clientId};Authorization=AAD'
      // Else `/` answers everybody with 150 kB of a welcome page.
      AzureWebJobsDisableHomepage: 'true'
      // The queries of alerts and workbook parse it.
      LOG_FORMAT: 'json'
      // The retention rules go by these.
      TRANSCRIPT_STORAGE_PATH: facts.areas.transcripts
      AUDIO_STORAGE_PATH: facts.areas.audio
      CALL_FAILURE_STORAGE_PATH: facts.areas.callFailures
      OTHER_EVENTS_STORAGE_PATH: facts.areas.otherEvents
      QUARANTINE_STORAGE_PATH: facts.areas.quarantine
      INCOMING_STORAGE_PATH: facts.areas.incoming
      VOICE_SAMPLE_STORAGE_PATH: facts.areas.voiceSamples
      PRECALL_STATE_STORAGE_PATH: facts.areas.preCallState
      STATE_STORAGE_PATH: facts.areas.state
      CALLERS_STORAGE_PATH: facts.areas.callers
      UNKNOWN_EVENT_TYPES: facts.unknownEventTypes
      ENABLE_RECONCILIATION: facts.reconciliation ? 'true' : 'false'
      RECONCILE_DAYS: string(facts.reconcileDays)
      // As long as the vault has no such secret, the app sees the reference itself: /health names the setting, the endpoint answers 503.
      ELEVENLABS_WEBHOOK_SECRET: secretOf(facts.vaultName, 'elevenlabs-webhook-secret')
      ELEVENLABS_API_KEY: secretOf(facts.vaultName, 'elevenlabs-api-key')
    },
    empty(facts.preCallAgentIds) ? {} : { PRECALL_AGENT_IDS: facts.preCallAgentIds },
    // Without this setting pre-call takes the webhook's secrets, so the reference may only stand here when the vault has the secret.
    facts.hasOwnPreCallSecret
      ? { ELEVENLABS_PRECALL_WEBHOOK_SECRET: secretOf(facts.vaultName, 'elevenlabs-precall-webhook-secret') }
      : {},
    facts.hasInitiation ? { INITIATION_SECRET: secretOf(facts.vaultName, 'initiation-secret') } : {},
    facts.hasInitiation && facts.hasInitiationVariables
      ? { INITIATION_VARIABLES: secretOf(facts.vaultName, 'initiation-variables') }
      : {}
  )
