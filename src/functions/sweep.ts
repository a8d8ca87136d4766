import { app } from '@azure/functions';
import { sweep } from '../lib/sweep.ts';
import { logTo } from '../lib/telemetry/log.ts';
import { services } from '../lib/wiring.ts';

app.timer('sweep', {
  schedule: services.configuration.sweepSchedule,
  handler: (_timer, context) => sweep(services, logTo(context, services.configuration.log)),
});
