// Deleted means deleted: each kind of data goes with its versions and snapshots. Soft delete keeps it for some days more.
import { CallAreas } from 'types.bicep'

param accountName string
param areas CallAreas
param days {
  transcripts: int
  audio: int
  callFailures: int
  otherEvents: int
  voiceSamples: int
  quarantine: int
  preCallConversations: int
  callers: int
}

// Messages of Event Grid that did not reach the queue (events.bicep); they name blobs and hold nothing of a call.
@export()
var undeliveredEvents = 'undelivered-events'

// A version's age counts from when it was written, so one number serves the blob and what is left of it when it is deleted.
// `incoming` is empty at rest: what is left after a week could not be finished, and the versions that a recording leaves
// there on its way are worth nothing once it has arrived.
var rules = [
  { name: 'transcripts', prefix: '${areas.transcripts}/', blobDays: days.transcripts, versionDays: days.transcripts }
  { name: 'audio', prefix: '${areas.audio}/', blobDays: days.audio, versionDays: days.audio }
  {
    name: 'callFailures'
    prefix: '${areas.callFailures}/'
    blobDays: days.callFailures
    versionDays: days.callFailures
  }
  { name: 'otherEvents', prefix: '${areas.otherEvents}/', blobDays: days.otherEvents, versionDays: days.otherEvents }
  {
    name: 'voiceSamples'
    prefix: '${areas.voiceSamples}/'
    blobDays: days.voiceSamples
    versionDays: days.voiceSamples
  }
  { name: 'quarantine', prefix: '${areas.quarantine}/', blobDays: days.quarantine, versionDays: days.quarantine }
  {
    name: 'preCallConversations'
    prefix: '${areas.preCallState}/conversations/'
    blobDays: days.preCallConversations
    versionDays: 7
  }
  // Whoever is written again begins anew.
  { name: 'callers', prefix: '${areas.callers}/', blobDays: days.callers, versionDays: min(days.callers, 7) }
  { name: 'incoming', prefix: '${areas.incoming}/', blobDays: 7, versionDays: 1 }
  { name: 'undeliveredEvents', prefix: '${undeliveredEvents}/', blobDays: 30, versionDays: 1 }
]

// The rest of the pre-call state must not go by its age: without its record a caller's clone counts as an orphan and is
// deleted, without `installation` all of them are strangers, and `agents` holds the voice that an agent gets back. Nor must
// anything in `state`: what was erased is written down there for as long as the account exists. Only what stood there before
// a change goes.
var changedState = {
  name: 'stateVersions'
  enabled: true
  type: 'Lifecycle'
  definition: {
    filters: {
      blobTypes: ['blockBlob']
      prefixMatch: concat(
        map(['voices', 'agents', 'installation'], kind => '${areas.preCallState}/${kind}/'),
        ['${areas.state}/']
      )
    }
    actions: {
      version: { delete: { daysAfterCreationGreaterThan: 7 } }
      snapshot: { delete: { daysAfterCreationGreaterThan: 7 } }
    }
  }
}

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: accountName
}

resource policy 'Microsoft.Storage/storageAccounts/managementPolicies@2025-06-01' = {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: concat(
        map(rules, rule => {
          name: rule.name
          enabled: true
          type: 'Lifecycle'
          definition: {
            filters: { blobTypes: ['blockBlob'], prefixMatch: [rule.prefix] }
            actions: {
              baseBlob: { delete: { daysAfterModificationGreaterThan: rule.blobDays } }
              version: { delete: { daysAfterCreationGreaterThan: rule.versionDays } }
              snapshot: { delete: { daysAfterCreationGreaterThan: rule.versionDays } }
            }
          }
        }),
        [changedState]
      )
    }
  }
}
