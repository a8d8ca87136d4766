// An Express app with the official SDK, which verifies the body as text. Served without the Functions library.
import type { AddressInfo } from 'node:net';
import { BlobServiceClient } from '@azure/storage-blob';
import { ElevenLabsClient } from '@elevenlabs/elevenlabs-js';
import express from 'express';

const secret = process.env['ELEVENLABS_WEBHOOK_SECRET'] ?? '';
const elevenLabs = new ElevenLabsClient({ apiKey: 'unused' });
const service = BlobServiceClient.fromConnectionString(process.env['CallStorage'] ?? '');
const container = service.getContainerClient('express-sdk');
await container.createIfNotExists();

const app = express();
app.use(express.text({ type: 'application/json', limit: '210mb' }));

app.post('/elevenlabs/webhook', async (request, response) => {
  const signature = request.get('elevenlabs-signature') ?? '';
  const event = await elevenLabs.webhooks.constructEvent(request.body, signature, secret).catch(() => undefined);
  if (event === undefined) {
    response.sendStatus(401);
    return;
  }
  const { type, data } = event;
  const audio = type === 'post_call_audio';
  const content = audio ? Buffer.from(data.full_audio, 'base64') : Buffer.from(request.body);
  const name = `${data.agent_id}/${data.conversation_id}.${audio ? 'mp3' : 'json'}`;
  await container.getBlockBlobClient(name).uploadData(content);
  response.json({ status: 'received' });
});

const server = app.listen(0, '127.0.0.1', () => {
  process.on('disconnect', () => process.exit());
  process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
});
