// For azd, which hands its environment over (`azd env set NAME value`), and for `az deployment sub create` alike.
using 'main.bicep'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME')
param location = readEnvironmentVariable('AZURE_LOCATION', 'westeurope')
// In a pipeline (GitHub sets CI) nobody is given the right to write secrets: people write them.
param principalId = empty(readEnvironmentVariable('CI', '')) ? readEnvironmentVariable('AZURE_PRINCIPAL_ID', '') : ''

param operatorAddresses = readEnvironmentVariable('OPERATOR_ADDRESSES', '')
param deploymentAddresses = readEnvironmentVariable('DEPLOYMENT_ADDRESSES', '')
param alertEmail = readEnvironmentVariable('ALERT_EMAIL', '')

// Not under the names of the app's own settings: the compiler sees the whole environment of the shell, and a secret that is
// set there for `npm start` would overwrite the one in production. azd keeps its environment in a file, so secrets are better
// written into the vault itself (docs/deploy.md).
param elevenLabsWebhookSecret = readEnvironmentVariable('AZD_ELEVENLABS_WEBHOOK_SECRET', '')
param elevenLabsApiKey = readEnvironmentVariable('AZD_ELEVENLABS_API_KEY', '')
param elevenLabsPreCallWebhookSecret = readEnvironmentVariable('AZD_ELEVENLABS_PRECALL_WEBHOOK_SECRET', '')
param hasOwnPreCallSecret = bool(readEnvironmentVariable('HAS_OWN_PRECALL_SECRET', 'false'))
param initiation = readEnvironmentVariable('INITIATION_APP', 'off')
param initiationSecret = readEnvironmentVariable('AZD_INITIATION_SECRET', '')
param initiationVariables = readEnvironmentVariable('AZD_INITIATION_VARIABLES', '')
param hasInitiationVariables = bool(readEnvironmentVariable('HAS_INITIATION_VARIABLES', 'false'))

// Everything else (main.bicep tells what there is) is set here, under version control. For example:
// param appSettings = { PRECALL_AGENT_UPDATE: 'override' }
