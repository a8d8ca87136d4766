import { app } from '@azure/functions';
import { initiationHandler } from '../lib/initiation/handler.ts';
import { services } from '../lib/wiring.ts';

app.http('initiationWebhook', {
  route: 'elevenlabs/initiation/webhook',
  methods: ['POST'],
  authLevel: 'anonymous',
  handler: initiationHandler(services),
});
