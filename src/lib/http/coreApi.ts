import { createRequire } from 'node:module';
import type { InvocationContext } from '@azure/functions';

/**
 * What is used here of `@azure/functions-core`, which no package provides: the worker answers a `require` of it
 * (setupCoreModule.ts in azure-functions-nodejs-worker), and the library gives it a programming model.
 */
interface CoreApi {
  getProgrammingModel(): ProgrammingModel;
  setProgrammingModel(model: ProgrammingModel): void;
}

interface ProgrammingModel {
  readonly name: string;
  readonly version: string;
  getCapabilities(worker: Record<string, string>): Promise<Record<string, string>>;
  getInvocationModel(context: CoreContext): InvocationModel;
}

export interface CoreContext {
  readonly invocationId: string;
  readonly metadata: { readonly bindings: Readonly<Record<string, { readonly type?: string }>> };
  readonly request: { triggerMetadata?: Readonly<Record<string, RpcData>> | null };
}

export type Callback = (...inputs: unknown[]) => unknown;

export interface InvocationModel {
  getArguments(): Promise<{ context: InvocationContext; inputs: unknown[] }>;
  invokeFunction(context: InvocationContext, inputs: unknown[], callback: Callback): Promise<unknown>;
  getResponse(context: InvocationContext, result: unknown): Promise<unknown>;
}

/** A value as the worker hands it to the library; only the forms that a header collection takes. */
export interface RpcData {
  readonly string?: string | null;
  readonly json?: string | null;
}

/** Undefined where no worker is: the library then registers nothing, either. */
export function coreApi(): CoreApi | undefined {
  try {
    return createRequire(import.meta.url)('@azure/functions-core') as CoreApi;
  } catch {
    return undefined;
  }
}
