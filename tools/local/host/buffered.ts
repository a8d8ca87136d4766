import type { ServerResponse } from 'node:http';
import type { RpcHttp } from './coreApi.ts';
import { answerStatus, type Exchange } from './exchange.ts';
import { joinedHeaders } from './headers.ts';
import type { Invoker } from './invocation.ts';
import type { WriteLine } from './types.ts';

/**
 * Serves requests of an app that has not switched HTTP streams on. A body reaches such an app only when the request
 * has a Content-Length: a chunked one arrives empty (azure-functions-nodejs-worker issue 524).
 */
export class BufferedRequests {
  readonly #invoker: Invoker;
  readonly #write: WriteLine;

  constructor(invoker: Invoker, write: WriteLine) {
    this.#invoker = invoker;
    this.#write = write;
  }

  serve(exchange: Exchange): void {
    this.#answer(exchange).catch((error: unknown) => {
      const { name: functionName } = exchange.match.fn;
      this.#write({ level: 'error', message: `Failed: ${error}`, functionName, invocationId: exchange.invocationId });
      answerStatus(exchange, 500);
    });
  }

  close(): void {}

  async #answer({ request, response, match, invocationId, target, host }: Exchange): Promise<void> {
    const isSized = Number(request.headers['content-length'] ?? 0) > 0;
    const chunks = await request.toArray();
    const input: RpcHttp = {
      method: request.method ?? 'GET',
      url: `http://${host}${target}`,
      headers: joinedHeaders(request),
      params: match.params,
      body: isSized ? { bytes: Buffer.concat(chunks) } : null,
    };
    const result = await this.#invoker.run({
      id: invocationId,
      fn: match.fn,
      bindingName: match.fn.bindingName,
      input: { http: input },
      traceParent: request.headersDistinct['traceparent']?.[0],
    });
    if (result?.http === undefined) answerStatus({ request, response }, 204);
    else send(response, result.http);
  }
}

function send(response: ServerResponse, answer: RpcHttp): void {
  const cookies = (answer.cookies ?? []).map(({ name, value }) => `${name}=${encodeURIComponent(value)}`);
  const headers = { ...answer.headers, ...(cookies.length > 0 ? { 'set-cookie': cookies } : {}) };
  response.writeHead(Number(answer.statusCode ?? 200), headers);
  response.end(answer.body?.bytes ?? answer.body?.string);
}
