import { type FunctionHandler, InvocationContext, PreInvocationContext } from '@azure/functions';
import { expect, it } from 'vitest';
import { BlobStorage } from '../../../src/lib/storage/blobStorage.ts';
import { bindOperation, currentOperation, type Operation, operationOf } from '../../../src/lib/telemetry/operation.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

it.each([['00'], ['01']])('an operation is read from a traceparent, sampled or not: %s', (flags) => {
  expect(operationOf(`00-${TRACE}-${SPAN}-${flags}`)).toEqual({ traceId: TRACE, spanId: SPAN });
});

it.each([
  [undefined],
  [''],
  ['nonsense'],
  [`00-${TRACE}-${SPAN}`],
  [`00-${'0'.repeat(32)}-${SPAN}-01`],
  [`00-${TRACE}-${'0'.repeat(16)}-01`],
])('there is no operation in %j', (traceParent) => {
  expect(operationOf(traceParent)).toBeUndefined();
});

/** Runs a handler as the worker does after the hook. */
function invoke(traceId: string, handler: FunctionHandler): unknown {
  const traceContext = { traceParent: `00-${traceId}-${SPAN}-00` };
  const invocationContext = new InvocationContext({ functionName: 'f', invocationId: 'i', traceContext });
  const hook = new PreInvocationContext({ invocationContext, inputs: ['in'], functionCallback: handler });
  bindOperation(hook);
  return hook.functionHandler(...(hook.inputs as [unknown]), invocationContext);
}

it('invocations that run at once each see their own operation, and outside of them there is none', async () => {
  const traces = Array.from({ length: 50 }, (_, index) => index.toString(16).padStart(32, 'a'));
  const seen = await Promise.all(
    traces.map((trace) =>
      invoke(trace, async (input) => {
        for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
        return [input, currentOperation()?.traceId];
      }),
    ),
  );
  expect(seen).toEqual(traces.map((trace) => ['in', trace]));
  expect(currentOperation()).toBeUndefined();
});

it('what a delivery does in storage is its own, even when another one sets it off', async () => {
  const connection = { kind: 'connection-string', connectionString: 'UseDevelopmentStorage=true' } as const;
  const storage = new BlobStorage(connection, { totalMs: 1000, tryMs: 1000 });
  const ofFirst = await invoke('1'.repeat(32), async () => storage.until(new AbortController().signal));
  const seen: (Operation | undefined)[] = [];
  await invoke('2'.repeat(32), async () => {
    const { attempt } = ofFirst as ReturnType<BlobStorage['until']>;
    await attempt('container', async () => void seen.push(currentOperation()));
    seen.push(currentOperation());
  });
  expect(seen.map((operation) => operation?.traceId)).toEqual(['1'.repeat(32), '2'.repeat(32)]);
});
