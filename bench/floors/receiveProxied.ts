// What the library costs on the way in: the same through its proxy, as the web stream that it hands on.
import { app } from '@azure/functions';

app.setup({ enableHttpStream: true });

app.http('receive', {
  route: 'elevenlabs/webhook',
  methods: ['POST'],
  handler: async ({ body }) => {
    for await (const _ of body ?? []);
    return { status: 200 };
  },
});
