import { app } from '@azure/functions';
import { reconcileByTimer } from '../lib/reconcileTimer.ts';
import { logTo } from '../lib/telemetry/log.ts';
import { services } from '../lib/wiring.ts';

app.timer('reconcile', {
  schedule: services.configuration.reconcileSchedule,
  handler: (_timer, context) =>
    reconcileByTimer(services, context.invocationId, logTo(context, services.configuration.log)),
});
