import type { TelemetryClient } from 'applicationinsights';

type Options = TelemetryClient['config']['azureMonitorOpenTelemetryOptions'];
type ExporterOptions = NonNullable<Options['azureMonitorExporterOptions']>;
type Policy = NonNullable<ExporterOptions['additionalPolicies']>[number]['policy'];

/** Shorter than the 30 s after which the batch processor begins the next batch: so there is one under way at most. */
const LIMIT_MS = 20_000;

/**
 * Ends a batch, with its repetitions and the waits between them, after a while. Without it an endpoint that never answers
 * would gather one batch after the other. Only the first failure is reported: it will be the same for all.
 */
export function boundInTime(limitMs = LIMIT_MS): Policy {
  let isTold = false;
  const tell = (what: unknown) => {
    if (!isTold) console.error(`warning: telemetry cannot be delivered: ${what}`);
    isTold = true;
  };
  return {
    name: 'boundInTime',
    async sendRequest(request, next) {
      request.abortSignal = AbortSignal.timeout(limitMs);
      try {
        const answer = await next(request);
        if (answer.status >= 400) tell(answer.status);
        return answer;
      } catch (error) {
        tell(error instanceof Error ? error.message : error);
        throw error;
      }
    },
  };
}

/** The library makes every address https; a stand-in on this machine has no certificate. */
export function plainOnLoopback(connectionString: string): Policy {
  const isPlain = /ingestionendpoint\s*=\s*http:/i.test(connectionString);
  return {
    name: 'plainOnLoopback',
    sendRequest(request, next) {
      if (isPlain) {
        request.url = request.url.replace(/^https:\/\/127\.0\.0\.1:/, 'http://127.0.0.1:');
        request.allowInsecureConnection = true;
      }
      return next(request);
    },
  };
}
