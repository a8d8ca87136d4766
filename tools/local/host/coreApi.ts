import Module from 'node:module';
import type { HostLine } from './types.ts';

type Level = HostLine['level'] | 'none';
type Callback = (...args: unknown[]) => unknown;

/** A value as it crosses the wire between host and worker; only the forms that this host uses. */
export interface RpcData {
  string?: string;
  json?: string;
  http?: RpcHttp | undefined;
}

/** A buffered request or answer. */
export interface RpcHttp {
  method?: string;
  url?: string;
  headers?: Record<string, string>;
  params?: Record<string, string>;
  body?: { bytes?: Uint8Array; string?: string } | null;
  statusCode?: string;
  cookies?: RpcCookie[];
}

interface RpcCookie {
  name: string;
  value: string;
}

export interface Binding {
  type?: string;
  direction?: string;
  [property: string]: unknown;
}

interface FunctionMetadata {
  name: string;
  bindings: Record<string, Binding>;
}

export interface RegisteredFunction {
  metadata: FunctionMetadata;
  callback: Callback;
}

/** What the library asks of the worker for one invocation. */
export interface CoreContext {
  invocationId: string;
  request: {
    invocationId: string;
    inputData: { name: string; data: RpcData }[];
    triggerMetadata: Record<string, RpcData>;
    traceContext: { traceParent: string; traceState: string; attributes: Record<string, string> };
  };
  metadata: FunctionMetadata;
  state?: 'preInvocationHooks' | 'invocation' | 'postInvocationHooks' | undefined;
  log(level: Level, category: string, message: string): void;
}

/** The library's side: how it turns wire values into handler arguments and results into answers. */
export interface ProgrammingModel {
  getCapabilities(worker: Record<string, string>): Promise<Record<string, string>>;
  getInvocationModel(context: CoreContext): InvocationModel;
}

interface InvocationModel {
  getArguments(): Promise<{ context: unknown; inputs: unknown[] }>;
  invokeFunction(context: unknown, inputs: unknown[], callback: Callback): Promise<unknown>;
  getResponse(context: unknown, result: unknown): Promise<{ returnValue?: RpcData | null | undefined }>;
}

/** What the app has told the worker while it was loaded. */
export interface Registry {
  functions: RegisteredFunction[];
  hooks: Map<string, Callback[]>;
  model: ProgrammingModel | undefined;
}

type Load = (request: string, parent: unknown, isMain: boolean) => unknown;

const hookNames = ['appStart', 'appTerminate', 'preInvocation', 'postInvocation', 'log'];

/**
 * Answers the specifier `@azure/functions-core`, which no package provides, for everything in this process that asks
 * by `require`, bundles included.
 *
 * @returns the registry that fills while the app is loaded, and `seal`, after which nothing can be registered.
 */
export function provideCoreApi(write: (line: HostLine) => void): { registry: Registry; seal: () => void } {
  const registry: Registry = { functions: [], hooks: new Map(hookNames.map((name) => [name, []])), model: undefined };
  let isSealed = false;

  const api = {
    version: '3.0.0',
    hostVersion: '4.0.0',
    log: (level: Level, _category: string, message: string) => {
      if (level !== 'none') write({ level, message });
    },
    setProgrammingModel: (model: ProgrammingModel) => {
      registry.model = model;
    },
    getProgrammingModel: () => registry.model,
    registerFunction: (metadata: FunctionMetadata, callback: Callback) => {
      if (isSealed) throw new Error(`Function "${metadata.name}" was registered after the app had started`);
      if (registry.functions.some((known) => known.metadata.name === metadata.name)) {
        throw new Error(`A function named "${metadata.name}" is already registered`);
      }
      registry.functions.push({ metadata, callback });
      return new Disposable(() => remove(registry.functions, (known) => known.metadata.name === metadata.name));
    },
    registerHook: (name: string, callback: Callback) => {
      const hooks = registry.hooks.get(name);
      if (hooks === undefined) throw new RangeError(`Unrecognized hook "${name}"`);
      hooks.push(callback);
      return new Disposable(() => remove(hooks, (known) => known === callback));
    },
    Disposable,
  };

  // Node's loader has no typed way to answer a specifier for require; this entry is what bundlers and test runners share.
  const loader = Module as unknown as { _load: Load };
  const load = loader._load;
  loader._load = function (this: unknown, request, parent, isMain) {
    return request === '@azure/functions-core' ? api : load.call(this, request, parent, isMain);
  };

  return {
    registry,
    seal: () => {
      isSealed = true;
    },
  };
}

class Disposable {
  readonly #undo: () => void;

  constructor(undo: () => void) {
    this.#undo = undo;
  }

  dispose(): void {
    this.#undo();
  }
}

function remove<T>(list: T[], matches: (item: T) => boolean): void {
  const index = list.findIndex(matches);
  if (index >= 0) list.splice(index, 1);
}
