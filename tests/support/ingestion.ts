import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';

export interface Metric {
  readonly name: string;
  readonly value: number;
  readonly count: number;
  readonly min: number;
  readonly max: number;
}

/** One item of telemetry as Application Insights takes it in. */
export interface Envelope {
  readonly tags: Readonly<Record<string, string>>;
  readonly data:
    | {
        readonly baseType: 'MetricData';
        readonly baseData: { readonly metrics: readonly Metric[]; readonly properties: Record<string, string> };
      }
    | {
        readonly baseType: 'RemoteDependencyData';
        readonly baseData: Readonly<
          Record<'id' | 'name' | 'data' | 'target' | 'type' | 'resultCode' | 'duration', string>
        > & {
          readonly success: boolean;
          readonly properties: Record<string, string>;
        };
      };
}

/** An ingestion endpoint on loopback that keeps what it is sent. */
export interface Ingestion {
  readonly url: URL;
  readonly batches: { readonly path: string; readonly headers: IncomingHttpHeaders; readonly text: string }[];
  /** How long each answer takes. */
  delayMs: number;
  envelopes(): Envelope[];
  close(): Promise<void>;
}

export async function startIngestion(): Promise<Ingestion> {
  const batches: Ingestion['batches'] = [];
  const server = createServer(async (request, response) => {
    const body = await buffer(request);
    const text = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString();
    batches.push({ path: request.url ?? '', headers: request.headers, text });
    await sleep(ingestion.delayMs);
    const count = (JSON.parse(text) as unknown[]).length;
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ itemsReceived: count, itemsAccepted: count, errors: [] }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const ingestion: Ingestion = {
    url: new URL(`http://127.0.0.1:${port}`),
    batches,
    delayMs: 0,
    envelopes: () => batches.flatMap(({ text }) => JSON.parse(text) as Envelope[]),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return ingestion;
}

export const INSTRUMENTATION_KEY = '00000000-0000-4000-8000-00000000abcd';

export function connectionStringTo(endpoint: URL | string): string {
  return `InstrumentationKey=${INSTRUMENTATION_KEY};IngestionEndpoint=${endpoint}`;
}

export type Dependency = Extract<Envelope['data'], { baseType: 'RemoteDependencyData' }>['baseData'] & {
  readonly operation: string | undefined;
  readonly parent: string | undefined;
};

export function dependenciesIn(envelopes: readonly Envelope[]): Dependency[] {
  return envelopes.flatMap(({ tags, data }) =>
    data.baseType === 'RemoteDependencyData'
      ? [{ ...data.baseData, operation: tags['ai.operation.id'], parent: tags['ai.operation.parentId'] }]
      : [],
  );
}

export function metricsIn(
  envelopes: readonly Envelope[],
): (Metric & { readonly properties: Record<string, string> })[] {
  return envelopes.flatMap(({ data }) =>
    data.baseType === 'MetricData'
      ? data.baseData.metrics.map((metric) => ({ ...metric, properties: data.baseData.properties }))
      : [],
  );
}
