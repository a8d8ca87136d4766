import { app } from '@azure/functions';
import { afterTheCall } from './afterTheCall.ts';
import { openCalls } from './calls.ts';
import { readSettings } from './settings.ts';

// A wrong setting keeps the app from starting: messages then wait in the queue, and none is lost to the poison queue.
const settings = readSettings(process.env);
const calls = openCalls(settings);

app.storageQueue('afterTheCall', {
  queueName: 'stored-calls',
  connection: 'Calls',
  handler: async (message, context) => {
    const { outcome, conversationId } = await afterTheCall(message, { settings, calls });
    context.log(`${outcome} conversation=${conversationId ?? '-'}`);
  },
});
