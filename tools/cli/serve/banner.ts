import { commandLine } from '../../command/commandLine.ts';
import type { RunningHost } from '../../local/host/host.ts';
import { STORED_CALLS_QUEUE } from '../../local/storedCallEvents.ts';
import { developmentDefaults } from '../localSettings.ts';
import type { CallsPage } from './callsPage.ts';
import type { ElevenLabs } from './elevenlabs.ts';
import { type Settings, usesDevelopmentSecret } from './settings.ts';
import type { Storage } from './storage.ts';
import type { StoredCalls } from './storedCalls.ts';

/** What the app works with. */
interface Surroundings {
  storage: Storage;
  elevenLabs: ElevenLabs;
  /** Undefined where the storage is not on this machine. */
  page: CallsPage | undefined;
  settings: Settings;
  /** What went otherwise than usual, if anything. */
  notes: string[];
}

/** What a newcomer needs after the start: addresses, where blobs are, how to send a first event, how to stop. */
export function banner(host: RunningHost, { storage, elevenLabs, page, settings, notes }: Surroundings): string {
  return [
    '',
    ...block('Note', notes),
    ...block(
      'Serving',
      host.functions.map((fn) => served(fn, host.url)),
    ),
    ...block('Blobs', [
      ...storage.description,
      `containers ${containers(settings).join(', ')}`,
      `${commandLine('blobs', storage.port === undefined ? [] : ['--storage-port', String(storage.port)])} lists them`,
    ]),
    ...block('Calls', callsPage(page, storage)),
    ...block('Queue', storedCalls(storage)),
    ...block('ElevenLabs', elevenLabs.description),
    ...block('Secret', secrets(settings)),
    ...block(
      'Send',
      ['post_call_transcription', 'pre-call', 'initiation'].map((event) =>
        commandLine('send', [event, ...urlOption(host.url)]),
      ),
    ),
    ...block('Stop', ['Ctrl-C']),
    '',
  ].join('\n');
}

/** The same for a program that reads the log as JSON: one object. */
export function bannerLine(host: RunningHost, { storage, elevenLabs, page, settings, notes }: Surroundings): object {
  return {
    time: new Date().toISOString(),
    level: 'INFO',
    message: 'serving',
    url: host.url,
    blobs: storage.description[0],
    ...(storage.storedCalls === undefined ? {} : { queue: queueUrl(storage.storedCalls) }),
    ...(page === undefined ? {} : { calls: page.url }),
    elevenlabs: elevenLabs.description[0],
    secret: secret(settings),
    ...(notes.length > 0 ? { note: notes.join('; ') } : {}),
    stop: 'Ctrl-C',
  };
}

function served(fn: RunningHost['functions'][number], url: string): string {
  if (fn.kind === 'queue') return `queue     ${fn.queueName} (${fn.name})`;
  return fn.kind === 'timer'
    ? `timer     ${fn.schedule} (${fn.name})`
    : `${(fn.methods ?? []).join(',').padEnd(9)} ${url}${fn.route} (${fn.name})`;
}

function containers(settings: Settings): string[] {
  return [
    settings['TRANSCRIPT_STORAGE_PATH'] || 'transcripts',
    settings['AUDIO_STORAGE_PATH'] || 'audio',
    settings['CALL_FAILURE_STORAGE_PATH'] || 'call-failures',
    settings['QUARANTINE_STORAGE_PATH'] || 'quarantine',
    settings['OTHER_EVENTS_STORAGE_PATH'] || 'other-events',
    settings['PRECALL_STATE_STORAGE_PATH'] || 'precall-state',
    settings['STATE_STORAGE_PATH'] || 'state',
    settings['CALLERS_STORAGE_PATH'] || 'callers',
  ];
}

function callsPage(page: CallsPage | undefined, { port }: Storage): string[] {
  if (page === undefined) return [];
  const again = commandLine('calls', ['page', ...(port === undefined ? [] : ['--storage-port', String(port)])]);
  return [`${page.url}`, `to see and hear them; opens once, then: ${again}`];
}

function storedCalls({ storedCalls, port }: Storage): string[] {
  if (storedCalls === undefined) return [];
  const ports =
    port === undefined ? [] : ['--storage-port', String(port), '--queue-port', String(storedCalls.azurite.port)];
  return [`${queueUrl(storedCalls)} (one message a stored call)`, `${commandLine('after-the-call', ports)} reads it`];
}

function queueUrl({ azurite }: StoredCalls): string {
  return `http://127.0.0.1:${azurite.port}/devstoreaccount1/${STORED_CALLS_QUEUE}`;
}

function secrets(settings: Settings): string[] {
  const ofPreCall = settings['ELEVENLABS_PRECALL_WEBHOOK_SECRET'];
  const ofInitiation = settings['INITIATION_SECRET'];
  const initiation =
    ofInitiation === developmentDefaults.INITIATION_SECRET
      ? [`before a call ${ofInitiation} (development only)`]
      : ofInitiation
        ? ['before a call from INITIATION_SECRET']
        : [];
  return [
    secret(settings),
    ...initiation,
    ...(ofPreCall ? ['of pre-call from ELEVENLABS_PRECALL_WEBHOOK_SECRET'] : []),
  ];
}

function secret(settings: Settings): string {
  if (!settings['ELEVENLABS_WEBHOOK_SECRET'])
    return 'none: webhooks are answered 503 until ELEVENLABS_WEBHOOK_SECRET is set';
  return usesDevelopmentSecret(settings)
    ? `${developmentDefaults.ELEVENLABS_WEBHOOK_SECRET} (development only; set ELEVENLABS_WEBHOOK_SECRET for real webhooks)`
    : 'from ELEVENLABS_WEBHOOK_SECRET';
}

function urlOption(url: string): string[] {
  return url === 'http://127.0.0.1:7071' ? [] : ['--url', url];
}

function block(title: string, lines: string[]): string[] {
  return lines.map((line, index) => `  ${(index === 0 ? title : '').padEnd(12)}${line}`);
}
