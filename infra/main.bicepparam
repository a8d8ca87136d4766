// For azd, which hands its environment over (`azd env set NAME value`), and for `az deployment sub create` alike.
using 'main.bicep'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME')
param location = readEnvironmentVariable('AZURE_LOCATION', 'westeurope')
param principalId = readEnvironmentVariable('AZURE_PRINCIPAL_ID', '')
param principalType = readEnvironmentVariable('AZURE_PRINCIPAL_TYPE', 'User')

param operatorAddresses = readEnvironmentVariable('OPERATOR_ADDRESSES', '')
param deploymentAddresses = readEnvironmentVariable('DEPLOYMENT_ADDRESSES', '')
param alertEmail = readEnvironmentVariable('ALERT_EMAIL', '')

// azd keeps its environment in a file: better written into the vault itself (docs/deploy.md).
param elevenLabsWebhookSecret = readEnvironmentVariable('ELEVENLABS_WEBHOOK_SECRET', '')
param elevenLabsApiKey = readEnvironmentVariable('ELEVENLABS_API_KEY', '')
param elevenLabsPreCallWebhookSecret = readEnvironmentVariable('ELEVENLABS_PRECALL_WEBHOOK_SECRET', '')
param hasOwnPreCallSecret = bool(readEnvironmentVariable('HAS_OWN_PRECALL_SECRET', 'false'))

// Everything else (main.bicep tells what there is) is set here, under version control. For example:
// param appSettings = { PRECALL_AGENT_UPDATE: 'override' }
