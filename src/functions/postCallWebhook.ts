import { app } from '@azure/functions';
import { postCallHandler } from '../lib/postCall/handler.ts';
import { services } from '../lib/wiring.ts';

app.http('postCallWebhook', {
  route: 'elevenlabs/webhook',
  methods: ['POST'],
  authLevel: 'anonymous',
  handler: postCallHandler(services),
});
