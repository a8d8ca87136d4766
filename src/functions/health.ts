import { app } from '@azure/functions';
import { healthAnswer } from '../lib/health.ts';
import { services } from '../lib/wiring.ts';

app.http('health', {
  route: 'health',
  methods: ['GET', 'HEAD'],
  authLevel: 'anonymous',
  handler: async () => healthAnswer(await services.health.ofApp()),
});
