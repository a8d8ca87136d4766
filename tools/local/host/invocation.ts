import { randomBytes } from 'node:crypto';
import type { CoreContext, RegisteredFunction, Registry, RpcData } from './coreApi.ts';
import type { WriteLine } from './types.ts';

export interface Invocation {
  id: string;
  fn: RegisteredFunction;
  bindingName: string;
  input: RpcData;
  triggerMetadata?: Record<string, RpcData>;
  /** W3C trace context of the caller, if it sent one. */
  traceParent?: string | undefined;
}

/**
 * Runs functions the way the worker does: arguments, hooks before, handler, hooks after, answer.
 *
 * @returns what the library hands back for the host; with HTTP streams that is nothing, because the answer has gone
 *   through the library's proxy. Rejects when the handler or a hook failed and no hook cured it.
 */
export class Invoker {
  readonly #registry: Registry;
  readonly #write: WriteLine;
  readonly #appHookData = {};

  constructor(registry: Registry, write: WriteLine) {
    this.#registry = registry;
    this.#write = write;
  }

  async run(invocation: Invocation): Promise<RpcData | null | undefined> {
    const model = this.#registry.model;
    if (model === undefined) throw new Error('The app has not registered a programming model');
    const core = this.#coreContext(invocation);
    try {
      const invocationModel = model.getInvocationModel(core.context);
      const { context, inputs } = await invocationModel.getArguments();
      const shared = { hookData: {}, appHookData: this.#appHookData, invocationContext: context };
      core.logHookContext = shared;

      const before = { ...shared, inputs, functionCallback: invocation.fn.callback };
      core.context.state = 'preInvocationHooks';
      await this.#runHooks('preInvocation', before);

      const after = { ...shared, inputs: before.inputs, result: null as unknown, error: null as unknown };
      core.context.state = 'invocation';
      try {
        after.result = await invocationModel.invokeFunction(context, before.inputs, before.functionCallback);
      } catch (error) {
        after.error = error;
      }

      core.context.state = 'postInvocationHooks';
      await this.#runHooks('postInvocation', after);
      core.context.state = undefined;
      if (after.error !== null && after.error !== undefined) throw after.error;
      return (await invocationModel.getResponse(context, after.result)).returnValue;
    } finally {
      core.end();
    }
  }

  /** Runs the hooks of the app's own life: `appStart` and `appTerminate`. */
  async runAppHooks(name: 'appStart' | 'appTerminate'): Promise<void> {
    await this.#runHooks(name, { hookData: this.#appHookData, appHookData: this.#appHookData });
  }

  async #runHooks(name: string, context: object): Promise<void> {
    for (const hook of this.#registry.hooks.get(name) ?? []) await hook(context);
  }

  #coreContext({ id, fn, bindingName, input, triggerMetadata = {}, traceParent }: Invocation) {
    const { metadata } = fn;
    let isOver = false;
    const core = {
      logHookContext: {},
      end: () => {
        isOver = true;
      },
      context: {
        invocationId: id,
        request: {
          invocationId: id,
          inputData: [{ name: bindingName, data: input }],
          triggerMetadata,
          traceContext: { traceParent: traceParent ?? newTraceParent(), traceState: '', attributes: {} },
        },
        metadata,
        log: (level, category, message) => {
          // The real host drops what is logged after the end; the library's own warning about it stays visible here.
          if (level === 'none' || (isOver && category === 'user')) return;
          const line = { ...core.logHookContext, level, category, message };
          for (const hook of this.#registry.hooks.get('log') ?? []) hook(line);
          this.#write({ level: line.level, message: line.message, functionName: metadata.name, invocationId: id });
        },
      } as CoreContext,
    };
    return core;
  }
}

function newTraceParent(): string {
  return `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-01`;
}
