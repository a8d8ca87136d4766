import { app } from '@azure/functions';
import { guardFunctions } from './lib/guardFunctions.ts';
import { startInitiation } from './lib/startInitiation.ts';
import { followInvocations } from './lib/telemetry/invocations.ts';
import { logTo } from './lib/telemetry/log.ts';
import { version } from './lib/version.ts';
import { services, telemetry } from './lib/wiring.ts';
import './functions/health.ts';
import './functions/initiationWebhook.ts';
import './functions/postCallHealth.ts';
import './functions/postCallWebhook.ts';
import './functions/preCallHealth.ts';
import './functions/preCallWebhook.ts';
import './functions/reconcile.ts';
import './functions/sweep.ts';

// Without streams a chunked body, such as every recording, reaches the handler empty
// (https://github.com/Azure/azure-functions-nodejs-worker/issues/524).
app.setup({ enableHttpStream: true });
guardFunctions(services);
app.hook.appStart(() => startInitiation(services));
if (telemetry !== undefined) followInvocations(telemetry);
logTo(console, services.configuration.log).write('INFO', 'start', { version, node: process.version });
