import { note, paint, printJson, progress } from '../../command/output.ts';
import type { Answer } from './deliver.ts';
import { answerHint } from './hints.ts';
import type { SendOptions } from './options.ts';
import type { Endpoint } from './target.ts';

/** What was asked and what came back. */
export interface Exchange {
  request: string;
  bytes: number;
  url: URL;
  /** Which webhook the event is for; undefined for another request. */
  endpoint?: Endpoint;
  answer: Answer | { error: string };
}

/** Prints what came back and returns the exit code: 0 when every answer had the expected status. */
export function report(exchanges: Exchange[], options: SendOptions): number {
  const isExpected = ({ answer }: Exchange) => 'status' in answer && answer.status === options.expected;
  const ok = exchanges.every(isExpected);
  if (options.isJson) printJson({ ok, expected: options.expected, deliveries: exchanges.map(toJson) });
  else for (const exchange of exchanges) print(exchange, options.expected);
  return ok ? 0 : 1;
}

/** Shows on a terminal the progress of a long upload. */
export function showProgress(totalBytes: number): (sentBytes: number) => void {
  if (totalBytes < 5e6) return () => {};
  let shown = -1;
  return (sentBytes) => {
    const percent = Math.floor((sentBytes / totalBytes) * 100);
    if (percent === shown) return;
    shown = percent;
    progress(percent === 100 ? '' : `${percent} %`);
  };
}

function print({ request, url, endpoint, answer }: Exchange, expected: number): void {
  console.log(request);
  if (!('status' in answer)) {
    note(`  ${answer.error}`);
    return;
  }
  const isExpected = answer.status === expected;
  const verdict = isExpected ? 'as expected' : `expected ${expected}`;
  console.log(`  ${paint(isExpected ? 'green' : 'red', `${answer.status} (${verdict})`)} in ${answer.milliseconds} ms`);
  if (answer.text !== '') console.log(`  ${answer.text.trim()}`);
  const hint = isExpected ? undefined : answerHint(url, endpoint, answer);
  if (hint !== undefined) note(`  ${hint}`);
}

function toJson({ request, bytes, answer }: Exchange): object {
  if (!('status' in answer)) return { request, bytes, error: answer.error };
  return { request, bytes, status: answer.status, milliseconds: answer.milliseconds, answer: answer.text };
}
