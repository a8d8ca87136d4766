import { createHash, randomBytes } from 'node:crypto';
import { BlobServiceClient } from '@azure/storage-blob';
import { inject } from 'vitest';
import { readStorageAreas, type StorageAreas } from '../../src/lib/settings/storageAreas.ts';

/** Areas of a test's own, and how blobs get there without the app. */
export interface StoredCalls {
  readonly areas: StorageAreas;
  /** The settings that name the areas. */
  readonly settings: Readonly<Record<string, string>>;
  /** Stores a body under a name in an area, with its sha256 and this metadata. */
  put(
    area: keyof StorageAreas,
    name: string,
    body: string | Uint8Array | object,
    metadata?: Record<string, string>,
  ): Promise<void>;
  /** All names in all areas, as `area/name`, without tombstones. */
  names(): Promise<string[]>;
}

export function storedCalls(): StoredCalls {
  const run = randomBytes(4).toString('hex');
  const settings = {
    TRANSCRIPT_STORAGE_PATH: `transcripts-${run}`,
    AUDIO_STORAGE_PATH: `audio-${run}/mp3`,
    CALL_FAILURE_STORAGE_PATH: `failures-${run}`,
    QUARANTINE_STORAGE_PATH: `quarantine-${run}`,
    INCOMING_STORAGE_PATH: `incoming-${run}`,
    OTHER_EVENTS_STORAGE_PATH: `other-${run}`,
    VOICE_SAMPLE_STORAGE_PATH: `samples-${run}`,
    PRECALL_STATE_STORAGE_PATH: `precall-${run}`,
    STATE_STORAGE_PATH: `state-${run}`,
    CALLERS_STORAGE_PATH: `callers-${run}/known`,
  };
  const areas = readStorageAreas(settings);
  if ('setting' in areas) throw new Error(areas.setting);
  const service = BlobServiceClient.fromConnectionString(inject('storage'));
  return {
    areas,
    settings,
    async put(area, name, body, metadata = {}) {
      const { container, prefix } = areas[area];
      const isWhole = typeof body === 'string' || body instanceof Uint8Array;
      const bytes = Buffer.from(isWhole ? body : JSON.stringify(body));
      const client = service.getContainerClient(container);
      await client.createIfNotExists();
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      await client.getBlockBlobClient(prefix + name).upload(bytes, bytes.length, { metadata: { sha256, ...metadata } });
    },
    async names() {
      const found: string[] = [];
      for (const [area, { container, prefix }] of Object.entries(areas)) {
        const client = service.getContainerClient(container);
        if (!(await client.exists())) continue;
        for await (const { name, metadata } of client.listBlobsFlat({ prefix, includeMetadata: true })) {
          if (metadata?.['erased_at'] === undefined) found.push(`${area}/${name.slice(prefix.length)}`);
        }
      }
      return found.sort();
    },
  };
}

/** The body of a transcript with these words. */
export function transcriptOf(
  conversation: string,
  words: string,
  { number = '+31612345678', startedAt = '2026-11-26T10:00:00.000Z' } = {},
) {
  return {
    type: 'post_call_transcription',
    event_timestamp: Date.parse(startedAt) / 1000 + 60,
    data: {
      agent_id: 'agent_1',
      conversation_id: conversation,
      transcript: [{ role: 'user', message: words, time_in_call_secs: 3 }],
      analysis: { call_successful: 'success', transcript_summary: 'A summary.' },
      has_audio: true,
      metadata: {
        start_time_unix_secs: Date.parse(startedAt) / 1000,
        call_duration_secs: 60,
        phone_call: { direction: 'inbound', external_number: number },
      },
    },
  };
}

/** The metadata of a transcript as the app writes it. */
export function metadataOfCall(conversation: string, more: Record<string, string> = {}): Record<string, string> {
  return {
    source: 'webhook',
    event_type: 'post_call_transcription',
    agent_id: 'agent_1',
    conversation_id: conversation,
    call_started_at: '2026-11-26T10:00:00.000Z',
    call_duration_seconds: '60',
    call_direction: 'inbound',
    call_successful: 'success',
    call_external_number: '+31612345678',
    call_has_audio: 'true',
    ...more,
  };
}
