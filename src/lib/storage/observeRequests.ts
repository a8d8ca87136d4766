import { BlobServiceClient, newPipeline, RestError, type StoragePipelineOptions } from '@azure/storage-blob';
import type { Telemetry } from '../telemetry/telemetry.ts';

/** The same account, where every request that leaves is told to telemetry: each try, each block, each page of a list. */
export function observeRequests(
  service: BlobServiceClient,
  options: StoragePipelineOptions,
  telemetry: Telemetry,
): BlobServiceClient {
  const pipeline = newPipeline(service.credential, options);
  pipeline.factories.push({
    create: (next) => ({
      async sendRequest(request) {
        const startedAt = performance.now();
        let status: number | undefined;
        try {
          const answer = await next.sendRequest(request);
          status = answer.status;
          return answer;
        } catch (error) {
          if (error instanceof RestError) status = error.statusCode;
          throw error;
        } finally {
          const durationMs = performance.now() - startedAt;
          telemetry.dependency({ ...described(request), status, durationMs });
        }
      },
    }),
  });
  return new BlobServiceClient(service.url, pipeline);
}

/** `PUT block`, `PUT blocklist`, `GET list`; what the query says besides is a signature or a detail. */
function described({ method, url }: { readonly method: string; readonly url: string }) {
  const { origin, pathname, searchParams } = new URL(url);
  const part = searchParams.get('comp') ?? searchParams.get('restype') ?? 'blob';
  return { name: `${method} ${part}`, method, url: origin + pathname };
}
