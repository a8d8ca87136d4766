// The usual Functions style: the whole body as text, then everything from it.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { app, type HttpRequest, type HttpResponseInit } from '@azure/functions';
import { BlobServiceClient } from '@azure/storage-blob';

const service = BlobServiceClient.fromConnectionString(process.env['CallStorage'] ?? '');
const container = service.getContainerClient('plain-functions');
await container.createIfNotExists();

// Few people would write this line, but without it no chunked body, and so no recording, arrives at all
// (docs/facts/azure-functions.md#streams).
app.setup({ enableHttpStream: true });

app.http('webhook', { route: 'elevenlabs/webhook', methods: ['POST'], handler: webhook });

async function webhook(request: HttpRequest): Promise<HttpResponseInit> {
  const body = await request.text();
  if (!isGenuine(body, request.headers.get('elevenlabs-signature') ?? '')) return { status: 401 };
  const { type, data } = JSON.parse(body);
  const audio = type === 'post_call_audio';
  const content = audio ? Buffer.from(data.full_audio, 'base64') : Buffer.from(body);
  const name = `${data.agent_id}/${data.conversation_id}.${audio ? 'mp3' : 'json'}`;
  await container.getBlockBlobClient(name).uploadData(content);
  return { jsonBody: { status: 'received' } };
}

function isGenuine(body: string, header: string): boolean {
  const { t, v0 = '' } = Object.fromEntries(header.split(',').map((part) => part.split('=')));
  if (Math.abs(Date.now() / 1000 - Number(t)) > 1800) return false;
  const secret = process.env['ELEVENLABS_WEBHOOK_SECRET'] ?? '';
  const expected = createHmac('sha256', secret).update(`${t}.${body}`).digest('hex');
  return v0.length === expected.length && timingSafeEqual(Buffer.from(v0), Buffer.from(expected));
}
