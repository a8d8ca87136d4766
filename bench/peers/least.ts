// The least possible Functions app that keeps a transcript: reads the body, uploads it, answers. It checks nothing.
import { randomUUID } from 'node:crypto';
import { app } from '@azure/functions';
import { BlobServiceClient } from '@azure/storage-blob';

const service = BlobServiceClient.fromConnectionString(process.env['CallStorage'] ?? '');
const container = service.getContainerClient('least');
await container.createIfNotExists();

app.setup({ enableHttpStream: true });

app.http('webhook', {
  route: 'elevenlabs/webhook',
  methods: ['POST'],
  handler: async (request) => {
    const body = await request.arrayBuffer();
    await container.getBlockBlobClient(`${randomUUID()}.json`).upload(body, body.byteLength);
    return { jsonBody: { status: 'received' } };
  },
});
