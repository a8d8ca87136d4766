using '../../../infra/main.bicep'

param environmentName = 'default'
