// An app that fails as a bug would: what its log line says is what a developer sees.
import { app } from '@azure/functions';

app.http('thrower', {
  methods: ['GET'],
  authLevel: 'anonymous',
  handler: (_request, context) => {
    const { stack: bug } = new Error('thrown on purpose');
    context.error(JSON.stringify({ level: 'ERROR', message: 'delivery', outcome: 'failed', status: 500, bug }));
    return { status: 500 };
  },
});
