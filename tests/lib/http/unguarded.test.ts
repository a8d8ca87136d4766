import { createRequire } from 'node:module';
import { expect, it, vi } from 'vitest';
import { guardFront } from '../../../src/lib/http/front.ts';
import { problem } from '../../../src/lib/http/problem.ts';
import { type ProgrammingModel, provideCoreApi } from '../../../tools/local/host/coreApi.ts';

const options = { answerError: ({ error }: { error: unknown }) => problem(error), bodyLimitBytes: 1 };

it('without a worker nothing is guarded, and nothing fails', () => {
  expect(() => guardFront(options)).not.toThrow();
});

it('a server that is not announced is said at start, and then requests go to the library as they would without guards', async () => {
  const { registry } = provideCoreApi(() => {});
  const invocation = {};
  const model = {
    getCapabilities: async () => ({ HttpUri: 'http://localhost:1/' }),
    getInvocationModel: () => invocation,
  } as unknown as ProgrammingModel;
  createRequire(import.meta.url)('@azure/functions-core').setProgrammingModel(model);
  guardFront(options);
  const error = vi.spyOn(console, 'error').mockImplementation(() => {});
  expect(await registry.model?.getCapabilities({})).toEqual({ HttpUri: 'http://localhost:1/' });
  expect(error.mock.calls).toEqual([[expect.stringMatching(/^error: the library's HTTP server was not found/)]]);
  error.mockRestore();
  const context = { metadata: { name: 'x', bindings: { req: { type: 'httpTrigger' } } } };
  expect(registry.model?.getInvocationModel(context as never)).toBe(invocation);
});
