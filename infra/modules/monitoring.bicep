// Where logs, requests and availability results go, and whom alerts reach.
import { Tags } from 'types.bicep'

param workspaceName string
param componentName string
param actionGroupName string
param location string
param tags Tags
param retentionDays int
param alertAddresses string[]

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' = {
  name: workspaceName
  location: location
  tags: tags
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: retentionDays
    // Whoever may read the component may ask for its lines, which is all that the deployment's smoke test is given.
    features: { disableLocalAuth: true, enableLogAccessUsingOnlyResourcePermissions: true }
  }
}

resource component 'Microsoft.Insights/components@2020-02-02' = {
  name: componentName
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    // Telemetry is taken from Entra identities with the role Monitoring Metrics Publisher only; the connection string is not a secret then.
    DisableLocalAuth: true
  }
}

resource actionGroup 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: actionGroupName
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'webhook'
    enabled: true
    emailReceivers: map(alertAddresses, address => {
      name: address
      emailAddress: address
      useCommonAlertSchema: true
    })
  }
}

output workspaceId string = workspace.id
output componentId string = component.id
output componentName string = component.name
output actionGroupId string = actionGroup.id
