// A private network, and what docs/operate.md says for those who have no long calls.
using '../../../infra/main.bicep'

param environmentName = 'private'
param privateNetwork = true
param appSettings = { FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: '33554432' }
