import { app } from '@azure/functions';
import { services } from '../lib/services.ts';
import { sweep } from '../lib/sweep.ts';
import { logTo } from '../lib/telemetry/log.ts';

app.timer('sweep', {
  schedule: services.configuration.sweepSchedule,
  handler: (_timer, context) => sweep(services, logTo(context, services.configuration.log)),
});
