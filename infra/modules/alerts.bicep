// Each alert asks one query of infra/queries/, and docs/operate.md says what to do about it.
import { Tags } from 'types.bicep'

param location string
param tags Tags
param componentName string
param workspaceId string
param appName string
param actionGroupIds string[]
param instanceMemoryMB int
param quietHours int
param heartbeatMinutes int
param reconciliation bool
param initiation bool
param failedCalls int
param alertOnReads bool

resource component 'Microsoft.Insights/components@2020-02-02' existing = {
  name: componentName
}

resource site 'Microsoft.Web/sites@2025-03-01' existing = {
  name: appName
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
  @description('What is asked, when it is not the component.')
  scope: string?
}

var options Rule[] = concat(
  failedCalls == 0
    ? []
    : [
        {
          name: 'failed-calls'
          description: 'More than ${failedCalls} calls within an hour could not be initiated.'
          query: loadTextContent('../queries/failedCalls.kql')
          severity: 2
          window: 'PT1H'
          every: 'PT15M'
          moreRowsThan: failedCalls
        }
      ],
  alertOnReads
    ? [
        {
          name: 'reads-by-people'
          description: 'A person, not the app, has read calls.'
          query: loadTextContent('../queries/readsByPeople.kql')
          severity: 2
          window: 'PT15M'
          every: 'PT15M'
          moreRowsThan: 0
          scope: workspaceId
        }
      ]
    : []
)

// Every run is an hour after the last one.
var ofReconciliation Rule[] = reconciliation
  ? [
      {
        name: 'calls-recovered'
        description: 'A call that no webhook has brought was fetched: a delivery was lost.'
        query: loadTextContent('../queries/recoveredCalls.kql')
        severity: 2
        window: 'PT1H'
        every: 'PT1H'
        moreRowsThan: 0
      }
      {
        name: 'calls-lost'
        description: 'A call, or a part of one, cannot be had any more.'
        query: loadTextContent('../queries/lostCalls.kql')
        severity: 1
        window: 'PT1H'
        every: 'PT1H'
        moreRowsThan: 0
      }
    ]
  : []

var ofInitiation Rule[] = initiation
  ? [
      {
        name: 'initiation-late'
        description: 'Calls began with the default answer, because the real one was not ready by the deadline.'
        query: loadTextContent('../queries/lateInitiations.kql')
        severity: 2
        window: 'PT15M'
        every: 'PT15M'
        // The first call of an instance may be one.
        moreRowsThan: 2
      }
    ]
  : []

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
    name: 'process-died'
    description: 'A process ended with every delivery that was under way in it. Recordings are sent only once.'
    query: loadTextContent('../queries/processDeaths.kql')
    severity: 1
    window: 'PT15M'
    every: 'PT15M'
    moreRowsThan: 0
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
  for rule in concat(rules, options, ofReconciliation, ofInitiation): {
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
      scopes: [rule.?scope ?? component.id]
      // A table that nothing was written to yet is unknown to a new workspace.
      skipQueryValidation: rule.?scope != null
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
      actions: { actionGroups: actionGroupIds }
    }
  }
]

@description('A window as the rules take it: minutes up to an hour, then hours, then days.')
func duration(minutes int) string =>
  minutes < 60 ? 'PT${minutes}M' : minutes < 1440 ? 'PT${minutes / 60}H' : 'P${minutes / 1440}D'

// Three runs: one that is late or fails is not a reason to wake anybody.
resource heartbeat 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = {
  name: 'no-heartbeat'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: 'no-heartbeat'
    description: 'No run of the timer has found everything well for ${heartbeatMinutes} minutes. docs/operate.md#no-heartbeat'
    severity: 0
    enabled: true
    autoMitigate: true
    scopes: [component.id]
    windowSize: duration(heartbeatMinutes)
    evaluationFrequency: 'PT15M'
    criteria: {
      allOf: [
        {
          // One row, with 0 in it when no run was good: without a row nothing would be measured.
          query: loadTextContent('../queries/heartbeats.kql')
          metricMeasureColumn: 'well'
          timeAggregation: 'Total'
          operator: 'LessThan'
          threshold: 1
          failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
        }
      ]
    }
    actions: { actionGroups: actionGroupIds }
  }
}

resource reconcileRuns 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = if (reconciliation) {
  name: 'reconcile-failures'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: 'reconcile-failures'
    description: 'No run of reconciliation has gone well for three hours. docs/operate.md#reconcile-failures'
    severity: 2
    enabled: true
    autoMitigate: true
    scopes: [component.id]
    windowSize: 'PT3H'
    evaluationFrequency: 'PT1H'
    criteria: {
      allOf: [
        {
          // One row, with 0 in it when no run was good: no row at all would be no measurement.
          query: loadTextContent('../queries/reconcileRuns.kql')
          metricMeasureColumn: 'well'
          timeAggregation: 'Total'
          operator: 'LessThan'
          threshold: 1
          failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
        }
      ]
    }
    actions: { actionGroups: actionGroupIds }
  }
}

// Flex Consumption has few metrics, none of answers (https://github.com/Azure/azure-monitor-baseline-alerts/issues/599); this is
// one of them. It is what an instance shows before large bodies with a Content-Length end it, see httpConcurrency in main.bicep.
resource memory 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: 'memory-high'
  location: 'global'
  tags: tags
  properties: {
    description: 'An instance has used 85 % of its memory: as a rule large bodies with a Content-Length. docs/operate.md#memory-high'
    severity: 1
    enabled: true
    autoMitigate: true
    scopes: [site.id]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT5M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: 'memory'
          criterionType: 'StaticThresholdCriterion'
          metricNamespace: 'Microsoft.Web/sites'
          metricName: 'MemoryWorkingSet'
          timeAggregation: 'Maximum'
          operator: 'GreaterThan'
          threshold: instanceMemoryMB * 1048576 / 100 * 85
          // There is no measurement before the first instance.
          skipMetricValidation: true
        }
      ]
    }
    actions: [for index in range(0, length(actionGroupIds)): { actionGroupId: actionGroupIds[index] }]
  }
}

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
          // One row, with 0 in it when nothing came: without a row nothing would be measured.
          query: loadTextContent('../queries/storedEvents.kql')
          metricMeasureColumn: 'stored'
          timeAggregation: 'Total'
          operator: 'LessThan'
          threshold: 1
          failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
        }
      ]
    }
    actions: { actionGroups: actionGroupIds }
  }
}
