import { app } from '@azure/functions';
import type { LazyTelemetry } from './lazyTelemetry.ts';
import { bindOperation } from './operation.ts';

/** Tells telemetry of the invocations: whose work is done, when there is a moment to load, and when the worker ends. */
export function followInvocations(telemetry: LazyTelemetry): void {
  app.hook.preInvocation((hook) => {
    telemetry.begun();
    bindOperation(hook);
  });
  app.hook.postInvocation(() => telemetry.ended());
  app.hook.appTerminate(() => telemetry.flush());
}
