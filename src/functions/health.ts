import { app } from '@azure/functions';
import { healthCheck } from '../lib/health.ts';
import { services } from '../lib/wiring.ts';

app.http('health', {
  route: 'health',
  methods: ['GET', 'HEAD'],
  authLevel: 'anonymous',
  handler: healthCheck(services),
});
