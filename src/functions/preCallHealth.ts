import { app } from '@azure/functions';
import { healthAnswer } from '../lib/health.ts';
import { services } from '../lib/wiring.ts';

app.http('preCallHealth', {
  route: 'elevenlabs/precall/health',
  methods: ['GET', 'HEAD'],
  authLevel: 'anonymous',
  handler: async () => healthAnswer(await services.health.ofPreCall()),
});
