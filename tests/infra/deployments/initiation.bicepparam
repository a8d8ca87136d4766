// The initiation webhook in an app of its own, within a private network.
using '../../../infra/main.bicep'

param environmentName = 'initiation'
param initiation = 'own-app'
param hasInitiationVariables = true
param initiationReadyInstances = 2
param privateNetwork = true
