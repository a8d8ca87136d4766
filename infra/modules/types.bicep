@export()
type Tags = { *: string }

@export()
@description('Settings of the app by name.')
type Settings = { *: string }

@export()
@description('The container of each kind of data.')
type CallAreas = {
  transcripts: string
  audio: string
  callFailures: string
  otherEvents: string
  quarantine: string
  incoming: string
  voiceSamples: string
  preCallState: string
  state: string
  callers: string
}
