import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';

const example = new URL('../../examples/post_call_transcription.json', import.meta.url);
const placeholder = 'conv_00000000-0000-0000-0000-000000000000';
const templates = new Map<number, { bytes: Buffer; idAt: number }>();

/** The example of a transcript, with as many turns as make it about so long, as a call of its own. */
export function transcriptBody(aboutBytes: number): Buffer {
  const { bytes, idAt } = templates.get(aboutBytes) ?? makeTemplate(aboutBytes);
  const body = Buffer.from(bytes);
  body.write(`conv_${randomUUID()}`, idAt, 'latin1');
  return body;
}

function makeTemplate(aboutBytes: number): { bytes: Buffer; idAt: number } {
  const event = JSON.parse(readFileSync(example, 'utf8'));
  const { transcript } = event.data;
  event.data.conversation_id = placeholder;
  const sizeOf = (value: unknown) => Buffer.byteLength(JSON.stringify(value));
  const missingBytes = aboutBytes - sizeOf(event);
  const turns = Math.max(0, Math.round((missingBytes / sizeOf(transcript)) * transcript.length));
  event.data.transcript = [
    ...transcript,
    ...Array.from({ length: turns }, (_, index) => transcript[index % transcript.length]),
  ];
  const bytes = Buffer.from(JSON.stringify(event));
  const template = { bytes, idAt: bytes.indexOf(placeholder) };
  templates.set(aboutBytes, template);
  return template;
}
