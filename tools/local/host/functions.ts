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

/** The app's functions by kind, each in the order of their names, which is the order in which the host tries routes. */
export interface AppFunctions {
  http: HttpFunction[];
  timer: TimerFunction[];
}

/** Sorts what the app has registered. Throws for a kind of trigger that this host cannot fire. */
export function sortFunctions(registry: Registry, routePrefix: string): AppFunctions {
  const sorted: AppFunctions = { http: [], timer: [] };
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
      default:
        throw new Error(`Function "${name}" has a ${trigger.type}; this host fires HTTP and timer functions only`);
    }
  }
  return sorted;
}

/** The functions as a caller of the host sees them. */
export function summarize(functions: AppFunctions): FunctionSummary[] {
  return [
    ...functions.http.map(({ name, route, methods }) => ({ name, kind: 'http' as const, route: `/${route}`, methods })),
    ...functions.timer.map(({ name, schedule }) => ({ name, kind: 'timer' as const, schedule })),
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

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
