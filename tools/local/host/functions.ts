import type { Binding, RegisteredFunction, Registry } from './coreApi.ts';
import type { FunctionSummary } from './types.ts';

export interface HttpFunction extends RegisteredFunction {
  name: string;
  bindingName: string;
  methods: string[];
  /** Full path without slashes at the ends, route prefix included. */
  route: string;
}

export interface TimerFunction extends RegisteredFunction {
  name: string;
  bindingName: string;
  schedule: string;
  runOnStartup: boolean;
}

export interface QueueFunction extends RegisteredFunction {
  name: string;
  bindingName: string;
  queueName: string;
  /** Of the account that has the queue; this host knows connection strings only. */
  connectionString: string;
}

/** The app's functions by kind, each in the order of their names, which is the order in which the host tries routes. */
export interface AppFunctions {
  http: HttpFunction[];
  timer: TimerFunction[];
  queue: QueueFunction[];
}

/** Sorts what the app has registered. Throws for a kind of trigger that this host cannot fire. */
export function sortFunctions(registry: Registry, routePrefix: string): AppFunctions {
  const sorted: AppFunctions = { http: [], timer: [], queue: [] };
  for (const registered of registry.functions.toSorted((a, b) => compare(a.metadata.name, b.metadata.name))) {
    const { name, bindings } = registered.metadata;
    const [bindingName, trigger] =
      Object.entries(bindings).find(([, binding]) => /trigger$/i.test(binding.type ?? '')) ?? [];
    if (bindingName === undefined || trigger === undefined) throw new Error(`Function "${name}" has no trigger`);
    switch (trigger.type) {
      case 'httpTrigger':
        sorted.http.push({ ...registered, name, bindingName, ...httpTrigger(name, trigger, routePrefix) });
        break;
      case 'timerTrigger':
        sorted.timer.push({ ...registered, name, bindingName, ...timerTrigger(name, trigger) });
        break;
      case 'queueTrigger':
        sorted.queue.push({ ...registered, name, bindingName, ...queueTrigger(name, trigger) });
        break;
      default:
        throw new Error(
          `Function "${name}" has a ${trigger.type}; this host fires HTTP, timer and queue functions only`,
        );
    }
  }
  return sorted;
}

/** The functions as a caller of the host sees them. */
export function summarize(functions: AppFunctions): FunctionSummary[] {
  return [
    ...functions.http.map(({ name, route, methods }) => ({ name, kind: 'http' as const, route: `/${route}`, methods })),
    ...functions.timer.map(({ name, schedule }) => ({ name, kind: 'timer' as const, schedule })),
    ...functions.queue.map(({ name, queueName }) => ({ name, kind: 'queue' as const, queueName })),
  ];
}

function httpTrigger(name: string, trigger: Binding, routePrefix: string): { methods: string[]; route: string } {
  const route = typeof trigger['route'] === 'string' ? trigger['route'] : name;
  const methods = Array.isArray(trigger['methods'])
    ? trigger['methods'].map((method) => `${method}`.toUpperCase())
    : [];
  return { methods, route: `${routePrefix}/${route}`.replace(/^\/+|\/+$/g, '') };
}

function timerTrigger(name: string, trigger: Binding): { schedule: string; runOnStartup: boolean } {
  const schedule = `${trigger['schedule'] ?? ''}`.replace(/^%(.+)%$/, (_, setting: string) => {
    const value = process.env[setting];
    if (value === undefined) throw new Error(`Function "${name}": the setting ${setting} of its schedule is not set`);
    return value;
  });
  return { schedule, runOnStartup: trigger['runOnStartup'] === true };
}

function queueTrigger(name: string, trigger: Binding): { queueName: string; connectionString: string } {
  const setting = `${trigger['connection']}`;
  const connectionString = process.env[setting];
  if (!connectionString) throw new Error(`Function "${name}": the setting ${setting} holds no connection string`);
  return { queueName: `${trigger['queueName']}`, connectionString };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
