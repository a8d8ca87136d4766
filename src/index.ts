import { app } from '@azure/functions';
import { completeAnswer } from './lib/http/completeAnswer.ts';
import { followRequests } from './lib/http/requestBody.ts';
import { followInvocations } from './lib/telemetry/invocations.ts';
import { logTo } from './lib/telemetry/log.ts';
import { version } from './lib/version.ts';
import { services, telemetry } from './lib/wiring.ts';
import './functions/health.ts';
import './functions/postCallHealth.ts';
import './functions/postCallWebhook.ts';
import './functions/preCallHealth.ts';
import './functions/preCallWebhook.ts';
import './functions/sweep.ts';

// Without streams a chunked body, such as every recording, reaches the handler empty (A§0.1).
app.setup({ enableHttpStream: true });
followRequests();
app.hook.postInvocation(completeAnswer);
if (telemetry !== undefined) followInvocations(telemetry);
logTo(console, services.configuration.log).write('INFO', 'start', { version, node: process.version });
