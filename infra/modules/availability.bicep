// Asks /health from outside, and says so when it is red in more than one place. An option: nobody has tried yet whether the
// access rules of Flex Consumption compare the header.
import { Tags } from 'types.bicep'

param location string
param tags Tags
param appName string
param hostName string
param componentName string
param actionGroupIds string[]
param testId string
param frequencySeconds int

resource component 'Microsoft.Insights/components@2020-02-02' existing = {
  name: componentName
}

resource test 'Microsoft.Insights/webtests@2022-06-15' = {
  name: 'health-${appName}'
  location: location
  // The portal finds the component of a test by this tag.
  tags: union(tags, { 'hidden-link:${component.id}': 'Resource' })
  kind: 'standard'
  properties: {
    SyntheticMonitorId: 'health-${appName}'
    Name: 'health'
    Kind: 'standard'
    Enabled: true
    Frequency: frequencySeconds
    // A cold start included.
    Timeout: 30
    RetryEnabled: true
    Locations: [
      { Id: 'emea-nl-ams-azr' }
      { Id: 'emea-gb-db3-azr' }
      { Id: 'emea-fr-pra-edge' }
    ]
    Request: {
      RequestUrl: 'https://${hostName}/health'
      HttpVerb: 'GET'
      Headers: [{ key: 'x-azure-fdid', value: testId }]
      ParseDependentRequests: false
    }
    ValidationRules: { ExpectedHttpStatusCode: 200, SSLCheck: true, SSLCertRemainingLifetimeCheck: 7 }
  }
}

resource alert 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: 'health-down'
  location: 'global'
  tags: tags
  properties: {
    description: 'The app is not healthy, or cannot be reached. docs/operate.md#health-down'
    severity: 0
    enabled: true
    autoMitigate: true
    scopes: [test.id, component.id]
    evaluationFrequency: 'PT5M'
    // Every place has been asked within it.
    windowSize: frequencySeconds == 300 ? 'PT5M' : 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.WebtestLocationAvailabilityCriteria'
      webTestId: test.id
      componentId: component.id
      failedLocationCount: 2
    }
    actions: [for index in range(0, length(actionGroupIds)): { actionGroupId: actionGroupIds[index] }]
  }
}
