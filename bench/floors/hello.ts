// The bare Functions app, for the cold start.
import { app } from '@azure/functions';

app.setup({ enableHttpStream: true });

app.http('health', { route: 'health', methods: ['GET'], handler: async () => ({ jsonBody: { status: 'healthy' } }) });
