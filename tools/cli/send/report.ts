import type { Answer } from './deliver.ts';
import type { SendOptions } from './options.ts';

/** What was asked and what came back. */
export interface Exchange {
  request: string;
  bytes: number;
  answer: Answer | { error: string };
}

/** Prints what came back and returns the exit code: 0 when every answer had the expected status. */
export function report(exchanges: Exchange[], options: SendOptions): number {
  const isExpected = ({ answer }: Exchange) => 'status' in answer && answer.status === options.expected;
  const ok = exchanges.every(isExpected);
  if (options.isJson)
    console.log(JSON.stringify({ ok, expected: options.expected, deliveries: exchanges.map(toJson) }));
  else for (const exchange of exchanges) print(exchange, options.expected);
  if (!options.isJson && !ok && exchanges.some(isRefused)) {
    console.error('A 401 for a correct signature usually means that the app has another secret: --secret.');
  }
  return ok ? 0 : 1;
}

/** Tells on a terminal how far a long upload has come. */
export function showProgress(totalBytes: number): (sentBytes: number) => void {
  if (!process.stderr.isTTY || totalBytes < 5e6) return () => {};
  let shown = -1;
  return (sentBytes) => {
    const percent = Math.floor((sentBytes / totalBytes) * 100);
    if (percent === shown) return;
    shown = percent;
    process.stderr.write(percent === 100 ? '\r\x1b[K' : `\r${percent} %`);
  };
}

function print({ request, answer }: Exchange, expected: number): void {
  console.log(request);
  if (!('status' in answer)) {
    console.error(`  ${answer.error}`);
    return;
  }
  const verdict = answer.status === expected ? 'as expected' : `expected ${expected}`;
  console.log(`  ${answer.status} (${verdict}) in ${answer.milliseconds} ms`);
  if (answer.text !== '') console.log(`  ${answer.text.trim()}`);
}

function toJson({ request, bytes, answer }: Exchange): object {
  if (!('status' in answer)) return { request, bytes, error: answer.error };
  return { request, bytes, status: answer.status, milliseconds: answer.milliseconds, answer: answer.text };
}

function isRefused({ answer }: Exchange): boolean {
  return 'status' in answer && answer.status === 401;
}
