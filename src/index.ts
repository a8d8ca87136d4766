import { app, type HttpRequest } from '@azure/functions';
import { discardBody } from './lib/discardBody.ts';
import { problem } from './lib/problem.ts';
import './functions/health.ts';
import './functions/postCallWebhook.ts';
import './functions/preCallWebhook.ts';
import './functions/sweep.ts';

// Without streams a chunked body, such as every recording, reaches the handler empty (A§0.1).
app.setup({ enableHttpStream: true });

app.hook.postInvocation((hook) => {
  if (hook.invocationContext.options.trigger.type !== 'httpTrigger') return;
  const [request] = hook.inputs as [HttpRequest]; // of an HTTP trigger
  void discardBody(request.body);

  // With streams a handler that throws, or returns no object, leaves the caller without an answer (A§0.2).
  const isAnswer = typeof hook.result === 'object' && hook.result !== null;
  if (isAnswer && (hook.error === undefined || hook.error === null)) return;
  hook.invocationContext.error('delivery outcome=failed status=500 code=internal_error', hook.error);
  hook.result = problem(hook.error);
  hook.error = undefined;
});
