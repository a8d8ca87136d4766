import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Pool } from 'undici';
import { audioBody } from '../../tools/cli/send/audioBody.ts';
import { deliver } from '../../tools/cli/send/deliver.ts';
import { sign } from '../../tools/cli/send/sign.ts';
import { SECRET, WEBHOOK_PATH } from '../apps.ts';
import type { LoadCommand, Signature } from './commands.ts';
import type { Jobs } from './drive.ts';
import { transcriptBody } from './transcriptBody.ts';

type Recordings = Extract<LoadCommand, { kind: 'recordings' }>;
type Transcripts = Extract<LoadCommand, { kind: 'transcripts' }>;

const mp3 = readFileSync(new URL('../../examples/call.mp3', import.meta.url));

/** Recordings as ElevenLabs sends them: chunked, each over a connection of its own. */
export async function recordings({ url, bodyBytes, count, atOnce, signature }: Recordings): Promise<Jobs> {
  const jobs = Array.from({ length: count }, async () => {
    const body = audioBody({ mp3, bodyBytes, conversationId: `conv_${randomUUID()}` });
    const headers = { ...(await headersOf(body.chunks(), signature)), ...fromHost() };
    return async () => {
      const { status } = await deliver({ url: new URL(WEBHOOK_PATH, url), headers, body, chunked: true });
      check(status, signature);
    };
  });
  return { jobs: await Promise.all(jobs), atOnce };
}

/** Transcripts over `atOnce` kept connections. */
export async function transcripts({ url, bodyBytes, count, atOnce, signature }: Transcripts): Promise<Jobs> {
  const pool = new Pool(url, { connections: atOnce, pipelining: 1 });
  const jobs = Array.from({ length: count }, async () => {
    const content = transcriptBody(bodyBytes);
    const headers = { ...(await headersOf(content, signature)), ...fromHost() };
    return async () => {
      const { statusCode, body } = await pool.request({ method: 'POST', path: WEBHOOK_PATH, headers, body: content });
      await body.dump();
      check(statusCode, signature);
    };
  });
  return { jobs: await Promise.all(jobs), atOnce, done: () => pool.close() };
}

/** What the host adds to a request for the worker; other servers take no notice of it. */
export function fromHost(): Record<string, string> {
  return { 'x-ms-invocation-id': randomUUID(), 'x-forwarded-host': 'localhost', 'x-forwarded-proto': 'http' };
}

/** The headers of a delivery. */
export async function headersOf(
  content: Parameters<typeof sign>[0],
  signature: Signature,
): Promise<Record<string, string>> {
  const contentType = { 'content-type': 'application/json' };
  const now = Math.floor(Date.now() / 1000);
  switch (signature) {
    case 'none':
      return contentType;
    case 'bad':
      return { ...contentType, 'elevenlabs-signature': `t=${now},v0=${'0'.repeat(64)}` };
    case 'good':
      return { ...contentType, 'elevenlabs-signature': await sign(content, SECRET, now) };
  }
}

function check(status: number, signature: Signature): void {
  const expected = signature === 'good' ? 200 : 401;
  if (status !== expected) throw new Error(`answered ${status} instead of ${expected}`);
}
