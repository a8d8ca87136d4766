// One page for: what came in, what failed, how old the signatures were, how big the audio was. The queries are those of
// infra/queries/, some of them the alerts' own.
import { Tags } from 'types.bicep'

param location string
param tags Tags
param componentName string

resource component 'Microsoft.Insights/components@2020-02-02' existing = {
  name: componentName
}

type Part = {
  title: string
  query: string
  show: 'table' | 'timechart'
}

var parts Part[] = [
  { title: 'What came in', query: loadTextContent('../queries/deliveries.kql'), show: 'table' }
  { title: 'What failed', query: loadTextContent('../queries/failures.kql'), show: 'table' }
  { title: 'How old the signatures were', query: loadTextContent('../queries/signatureAge.kql'), show: 'timechart' }
  { title: 'How big the recordings were', query: loadTextContent('../queries/audioSize.kql'), show: 'table' }
  { title: '5xx, the host\'s own included', query: loadTextContent('../queries/serverErrors.kql'), show: 'table' }
  { title: 'In quarantine', query: loadTextContent('../queries/quarantined.kql'), show: 'table' }
  { title: 'Calls that could not be initiated', query: loadTextContent('../queries/failedCalls.kql'), show: 'table' }
  { title: 'Fetched because no webhook came', query: loadTextContent('../queries/recoveredCalls.kql'), show: 'table' }
  { title: 'Lost', query: loadTextContent('../queries/lostCalls.kql'), show: 'table' }
  { title: 'Asked before calls', query: loadTextContent('../queries/initiations.kql'), show: 'table' }
  { title: 'Clone failures', query: loadTextContent('../queries/cloneFailures.kql'), show: 'table' }
  { title: 'Sweep failures', query: loadTextContent('../queries/sweepFailures.kql'), show: 'table' }
  { title: 'Erased calls', query: loadTextContent('../queries/erasures.kql'), show: 'table' }
  { title: 'Processes that ended', query: loadTextContent('../queries/processDeaths.kql'), show: 'table' }
  { title: 'Slow answers', query: loadTextContent('../queries/slowAnswers.kql'), show: 'table' }
]

var day = 86400000

var timeRange = {
  type: 9
  name: 'time range'
  content: {
    version: 'KqlParameterItem/1.0'
    style: 'pills'
    parameters: [
      {
        id: guid(component.id, 'time range')
        version: 'KqlParameterItem/1.0'
        name: 'TimeRange'
        label: 'Time range'
        type: 4
        isRequired: true
        value: { durationMs: day }
        typeSettings: {
          selectableValues: map([day / 24, day, 2 * day, 7 * day, 30 * day], duration => { durationMs: duration })
          allowCustom: true
        }
      }
    ]
  }
}

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(component.id, 'webhook')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'ElevenLabs webhook'
    category: 'workbook'
    sourceId: component.id
    version: '1.0'
    serializedData: string({
      version: 'Notebook/1.0'
      fallbackResourceIds: [component.id]
      items: concat(
        [timeRange],
        map(parts, part => {
          type: 3
          name: part.title
          content: {
            version: 'KqlItem/1.0'
            title: part.title
            query: part.query
            size: 0
            queryType: 0
            resourceType: 'microsoft.insights/components'
            crossComponentResources: [component.id]
            timeContextFromParameter: 'TimeRange'
            visualization: part.show
            noDataMessage: 'Nothing.'
          }
        })
      )
    })
  }
}
