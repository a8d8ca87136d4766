import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Context, send, startContext, transcription, WEBHOOK_PATH } from '../support/context.ts';
import { foreignIds, refusedRequests } from '../support/hostileRequests.ts';
import { rawRequest } from '../support/rawRequest.ts';

// As hosts are since azure-functions-host#10980: a caller's own x-ms-invocation-id does not come through.
let context: Context;
beforeAll(async () => {
  context = await startContext({}, undefined, { overridesInvocationId: true });
});
afterAll(() => context.close());

it.each(refusedRequests)('$what is answered 400 at once', async ({ head, body }) => {
  expect((await rawRequest(context.host.url, head, body)).status).toBe(400);
});

it.each([...foreignIds, ['a UUID of its own', ['x-ms-invocation-id: 6dd2d9fa-31a5-4a8a-a2ba-ed8b1f8d8df1']]] as const)(
  '%s as x-ms-invocation-id makes no difference',
  async (_what, headers) => {
    expect((await rawRequest(context.host.url, [`POST ${WEBHOOK_PATH} HTTP/1.1`, ...headers], '{}')).status).toBe(401);
    const own = { 'x-ms-invocation-id': 'of-my-own' };
    expect((await send(context, JSON.stringify(transcription()), { headers: own })).status).toBe(200);
  },
);
