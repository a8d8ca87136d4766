import { TelemetryClient } from 'applicationinsights';
import type { TelemetrySettings } from '../settings/telemetrySettings.ts';
import { version } from '../version.ts';
import { boundInTime, plainOnLoopback } from './ingestion.ts';
import type { Sender } from './lazyTelemetry.ts';
import type { Operation } from './operation.ts';
import type { Dependency } from './telemetry.ts';

/** Responses that say whether something exists: the app asks for them. */
const DECISIONS = new Set([404, 409, 412]);

/**
 * Opens Application Insights. Only this file loads the library, and it is loaded by import() alone.
 *
 * An isolated client sends what it is given and nothing else: no requests, console lines, exceptions, performance counters,
 * dependencies or live metrics of its own, all of which the host reports already or nobody asked for
 * (docs/facts/azure-functions.md#logs-and-telemetry).
 */
export async function openAppInsights({ connectionString, identity }: TelemetrySettings): Promise<Sender> {
  // Figures about the library itself, for its makers; and a row of process attributes with each batch.
  process.env['APPLICATION_INSIGHTS_NO_STATSBEAT'] = 'true';
  process.env['APPLICATIONINSIGHTS_OPENTELEMETRY_RESOURCE_METRIC_DISABLED'] = 'true';
  const parent = new Parent();
  const client = new TelemetryClient(connectionString, { useGlobalProviders: false });
  client.config.azureMonitorOpenTelemetryOptions = {
    resource: resource(),
    spanProcessors: [parent],
    azureMonitorExporterOptions: {
      connectionString,
      // What cannot be sent is given up: on an instance's disk it would outlive its use, and take room.
      disableOfflineStorage: true,
      additionalPolicies: [
        { policy: boundInTime(), position: 'perCall' },
        { policy: plainOnLoopback(connectionString), position: 'perRetry' },
      ],
      ...(identity === undefined ? {} : { credential: await credentialOf(identity) }),
    },
  };
  client.initialize();
  return {
    measure: ({ name, value, dimensions }) => client.trackMetric({ name, value, properties: dimensions }),
    dependency: (dependency, { endedAt, operation }) =>
      parent.whileIs(operation, () => client.trackDependency(asTelemetry(dependency, endedAt, operation))),
    flush: () => client.flush(),
  };
}

async function credentialOf(identity: { readonly clientId?: string }) {
  const { ManagedIdentityCredential } = await import('@azure/identity');
  return new ManagedIdentityCredential(identity);
}

type DependencyTelemetry = Parameters<TelemetryClient['trackDependency']>[0];

/** The exporter knows an HTTP dependency by these OpenTelemetry attributes; a whole URL would become its name. */
function asTelemetry(dependency: Dependency, endedAt: number, operation: Operation | undefined): DependencyTelemetry {
  const { name, method, status, durationMs } = dependency;
  const { protocol, host, pathname } = new URL(dependency.url);
  return {
    name,
    time: new Date(endedAt - durationMs),
    duration: durationMs,
    success: status !== undefined && (status < 400 || DECISIONS.has(status)),
    ...(operation === undefined ? {} : { id: operation.traceId }),
    properties: {
      'http.request.method': method,
      'url.scheme': protocol.slice(0, -1),
      'server.address': host,
      'url.path': pathname,
      ...(status === undefined ? {} : { 'http.response.status_code': status }),
    },
  };
}

type Options = TelemetryClient['config']['azureMonitorOpenTelemetryOptions'];
type SpanProcessor = NonNullable<Options['spanProcessors']>[number];

/** An isolated client knows of no current context, so each dependency gets its parent while it is being made. */
class Parent implements SpanProcessor {
  #current: Operation | undefined;

  whileIs(operation: Operation | undefined, make: () => void): void {
    this.#current = operation;
    make();
  }

  onStart(span: Parameters<SpanProcessor['onStart']>[0]): void {
    if (this.#current !== undefined) Object.assign(span, { parentSpanContext: { ...this.#current, traceFlags: 1 } });
  }

  onEnd(): void {}

  async forceFlush(): Promise<void> {}

  async shutdown(): Promise<void> {}
}

/** The names under which the host reports, so that both are one application on the map (platform settings of a site). */
function resource(): NonNullable<Options['resource']> {
  const { WEBSITE_SITE_NAME: name = 'elevenlabs-webhook', WEBSITE_INSTANCE_ID: instance } = process.env;
  const attributes = {
    'service.name': name,
    'service.version': version,
    ...(instance ? { 'service.instance.id': instance } : {}),
  };
  const resource = { attributes, merge: () => resource, getRawAttributes: () => Object.entries(attributes) };
  return resource;
}
