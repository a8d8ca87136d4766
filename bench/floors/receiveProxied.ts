// What the platform costs on the way in: the same through the host and the library's proxy, two hops and a web stream.
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
