// Each alert asks one query of infra/queries/, and docs/operate.md says what to do about it.
import { Tags } from 'types.bicep'

param location string
param tags Tags
param componentName string
param actionGroupId string
param quietHours int

resource component 'Microsoft.Insights/components@2020-02-02' existing = {
  name: componentName
}

type Rule = {
  @description('Also the heading in docs/operate.md.')
  name: string
  description: string
  query: string
  @description('0 critical, 1 error, 2 warning.')
  severity: 0 | 1 | 2
  @description('How far back the query looks.')
  window: string
  every: string
  @description('Alert when the query gives more rows than this.')
  moreRowsThan: int
}

var rules Rule[] = [
  {
    name: 'server-errors'
    description: 'Deliveries were answered with 5xx. Recordings are sent only once.'
    query: loadTextContent('../queries/serverErrors.kql')
    severity: 1
    window: 'PT5M'
    every: 'PT5M'
    moreRowsThan: 0
  }
  {
    // A few are somebody's typing error or a late retry; a rate is a wrong secret, and then every delivery is lost.
    name: 'signature-failures'
    description: 'Several deliveries could not be proved genuine.'
    query: loadTextContent('../queries/signatureFailures.kql')
    severity: 1
    window: 'PT15M'
    every: 'PT15M'
    moreRowsThan: 3
  }
  {
    name: 'quarantine-grew'
    description: 'A genuine delivery could not be understood and is in quarantine.'
    query: loadTextContent('../queries/quarantined.kql')
    severity: 2
    window: 'PT15M'
    every: 'PT15M'
    moreRowsThan: 0
  }
  {
    name: 'sweep-failures'
    description: 'The timer could not finish what it had to.'
    query: loadTextContent('../queries/sweepFailures.kql')
    severity: 2
    window: 'PT30M'
    every: 'PT15M'
    // Once is a passing fault, the next run finishes it.
    moreRowsThan: 1
  }
  {
    name: 'clone-failures'
    description: 'Callers were turned away or spoke to the agent\'s own voice, because ElevenLabs could not clone theirs.'
    query: loadTextContent('../queries/cloneFailures.kql')
    severity: 2
    window: 'PT15M'
    every: 'PT15M'
    moreRowsThan: 2
  }
  {
    name: 'slow-answers'
    description: 'Small deliveries or pre-call answers took too long.'
    query: loadTextContent('../queries/slowAnswers.kql')
    severity: 2
    window: 'PT15M'
    every: 'PT15M'
    moreRowsThan: 5
  }
]

resource alert 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for rule in rules: {
    name: rule.name
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: rule.name
      description: '${rule.description} docs/operate.md#${rule.name}'
      severity: rule.severity
      enabled: true
      autoMitigate: true
      scopes: [component.id]
      windowSize: rule.window
      evaluationFrequency: rule.every
      criteria: {
        allOf: [
          {
            query: rule.query
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: rule.moreRowsThan
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      actions: { actionGroups: [actionGroupId] }
    }
  }
]

resource quiet 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = if (quietHours > 0) {
  name: 'no-events'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: 'no-events'
    description: 'Nothing was stored for ${quietHours} hours. docs/operate.md#no-events'
    severity: 2
    enabled: true
    autoMitigate: true
    scopes: [component.id]
    windowSize: quietHours < 24 ? 'PT${quietHours}H' : 'P${quietHours / 24}D'
    evaluationFrequency: 'PT1H'
    criteria: {
      allOf: [
        {
          // One row, with 0 in it when nothing came: no row at all would be no measurement.
          query: loadTextContent('../queries/storedEvents.kql')
          metricMeasureColumn: 'stored'
          timeAggregation: 'Total'
          operator: 'LessThan'
          threshold: 1
          failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
        }
      ]
    }
    actions: { actionGroups: [actionGroupId] }
  }
}
