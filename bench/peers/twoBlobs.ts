// The least possible Functions app that answers before a call: reads two blobs at once and puts them together. It checks nothing.
import { app } from '@azure/functions';
import { BlobServiceClient } from '@azure/storage-blob';

const service = BlobServiceClient.fromConnectionString(process.env['CallStorage'] ?? '');
const container = service.getContainerClient('two-blobs');
await container.createIfNotExists();
for (const name of ['caller', 'agent']) await container.getBlockBlobClient(name).upload('{"name":"Jan"}', 14);

app.setup({ enableHttpStream: true });

app.http('initiation', {
  route: 'elevenlabs/initiation/webhook',
  methods: ['POST'],
  handler: async (request) => {
    await request.json();
    const read = async (name: string) => JSON.parse(String(await container.getBlobClient(name).downloadToBuffer()));
    const [caller, agent] = await Promise.all([read('caller'), read('agent')]);
    return { jsonBody: { type: 'conversation_initiation_client_data', dynamic_variables: { ...agent, ...caller } } };
  },
});
