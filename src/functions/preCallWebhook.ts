import { app } from '@azure/functions';
import { preCallHandler } from '../lib/preCall/handler.ts';
import { services } from '../lib/wiring.ts';

app.http('preCallWebhook', {
  route: 'elevenlabs/precall/webhook',
  methods: ['POST'],
  authLevel: 'anonymous',
  handler: preCallHandler(services),
});
