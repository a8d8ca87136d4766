import { randomUUID } from 'node:crypto';
import { BlobServiceClient } from '@azure/storage-blob';
import { postCallHandler } from '../src/lib/postCall/handler.ts';
import { openServices } from '../src/lib/services.ts';
import { invoke, SECRET, signed } from './invoke.ts';
import type { Row } from './row.ts';

const DELIVERIES = 400;
const BATCHES = 5;
const MOST_MS = 1;

/** Our own CPU for a 30 kB transcript: deliveries through the handler against the same number of bare blob writes. */
export async function measureTranscript(storage: string): Promise<Row[]> {
  const services = openServices({ ELEVENLABS_WEBHOOK_SECRET: SECRET, CallStorage: storage });
  const handle = postCallHandler(services);
  const container = BlobServiceClient.fromConnectionString(storage).getContainerClient('bare');
  await container.createIfNotExists();
  const bareWrite = (body: Buffer) =>
    container.getBlockBlobClient(randomUUID()).upload(body, body.length, { conditions: { ifNoneMatch: '*' } });

  const own: number[] = [];
  const bare: number[] = [];
  for (let batch = 0; batch <= BATCHES; batch++) {
    const bodies = Array.from({ length: DELIVERIES }, transcript);
    const writes = await cpuMsEach(bodies, bareWrite);
    const deliveries = await cpuMsEach(bodies.map(signed), (delivery) => invoke(handle, delivery));
    if (batch === 0) continue; // warm-up
    bare.push(writes);
    own.push(deliveries - writes);
  }
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return [
    {
      what: 'transcript of 30 kB, our CPU',
      measured: `${mean(own).toFixed(2)} ms`,
      against: `${mean(bare).toFixed(2)} ms CPU for the bare blob write`,
      target: `at most ${MOST_MS} ms`,
      met: mean(own) <= MOST_MS ? 'yes' : 'no',
    },
  ];
}

async function cpuMsEach<T>(all: readonly T[], work: (each: T) => Promise<unknown>): Promise<number> {
  const start = process.cpuUsage();
  for (const each of all) await work(each);
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000 / all.length;
}

const turns = Array.from({ length: 54 }, () => ({ role: 'agent', message: 'x'.repeat(500), time_in_call_secs: 1 }));

function transcript(): Buffer {
  const data = { agent_id: 'agent_bench', conversation_id: `conv_${randomUUID()}`, transcript: turns };
  return Buffer.from(JSON.stringify({ type: 'post_call_transcription', event_timestamp: 1739537297, data }));
}
