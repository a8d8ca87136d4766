import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { BufferedRequests } from './buffered.ts';
import { type ProgrammingModel, provideCoreApi } from './coreApi.ts';
import { createFront, listen } from './frontServer.ts';
import { sortFunctions, summarize } from './functions.ts';
import { Invoker } from './invocation.ts';
import { Queues, readQueueSettings } from './queues.ts';
import { directRequests, StreamedRequests } from './streamed.ts';
import { Timers } from './timers.ts';
import type { HostOptions, RunningHost } from './types.ts';

export type { HostLine, HostOptions, RunningHost } from './types.ts';

const repository = new URL('../../../', import.meta.url);

let hasStarted = false;

/**
 * A stand-in for the Functions host, for local runs and tests: drives the real `@azure/functions` library as host and
 * worker do, with real sockets. Loads the app with `load`, which imports its entry point, then serves it on 127.0.0.1.
 *
 * Works once per process, because the library keeps the app in module state, and nothing may have imported an entry
 * point before. Rejects when the app fails to load, registers something that this host cannot fire, or the port is
 * taken (`code` EADDRINUSE).
 *
 * @example
 * const host = await startHost({ port: 0, write: console.log }, () => import('../../../dist/index.js'));
 */
export async function startHost(options: HostOptions, load: () => Promise<unknown>): Promise<RunningHost> {
  if (hasStarted) throw new Error('startHost works once per process: the library keeps the app in module state');
  hasStarted = true;
  const {
    port,
    write,
    bodyLimitBytes = 104_857_600,
    timers: runsSchedules = true,
    front: hasFront = true,
    folder = repository,
  } = options;

  const { registry, seal } = provideCoreApi(write);
  await load();
  seal();
  if (registry.model === undefined) throw new Error('The app has registered no function');

  const hostJson = readHostJson(folder);
  const functions = sortFunctions(registry, hostJson.extensions?.http?.routePrefix ?? 'api');
  const invoker = new Invoker(registry, write);
  const queues = new Queues(functions.queue, readQueueSettings(hostJson.extensions?.queues), invoker, write);
  const timers = new Timers(functions.timer, invoker, write);
  await invoker.runAppHooks('appStart');
  const { httpUri, proxy } = await openProxy(registry.model);
  if (httpUri === undefined && !hasFront)
    throw new Error('Without HTTP streams there is no proxy to speak to directly');
  const streamed = () =>
    hasFront ? new StreamedRequests(String(httpUri), invoker, write, bodyLimitBytes) : directRequests(invoker, write);
  const requests = httpUri === undefined ? new BufferedRequests(invoker, write) : streamed();

  const serve = requests.serve.bind(requests);
  const onRequest = createFront({ functions: functions.http, bodyLimitBytes, write, serve });
  const front = hasFront ? [createServer()] : [];
  for (const server of hasFront ? front : proxy) server.on('request', onRequest);
  const close = async () => {
    timers.stop();
    await queues.stop();
    requests.close();
    await Promise.all([...front, ...proxy].map(closeServer));
    await invoker.runAppHooks('appTerminate');
  };

  const [frontPort] = await Promise.all(front.map((server) => listen(server, port))).catch(async (error: unknown) => {
    await close();
    throw error;
  });
  if (runsSchedules) timers.start();
  await queues.start();
  return {
    url: `http://127.0.0.1:${frontPort ?? new URL(String(httpUri)).port}`,
    functions: summarize(functions),
    runTimer: (name) => timers.run(name),
    close,
  };
}

/**
 * Asks the library for its capabilities, which opens its proxy when the app has switched HTTP streams on. The library
 * keeps that server to itself; Node announces it while it begins to listen, and so it can be closed in the end.
 */
async function openProxy(model: ProgrammingModel): Promise<{ httpUri: string | undefined; proxy: Server[] }> {
  const proxy: Server[] = [];
  const onListen = (message: unknown) => {
    proxy.push((message as { server: Server }).server);
  };
  subscribe('tracing:net.server.listen:asyncStart', onListen);
  try {
    const { HttpUri: httpUri } = await model.getCapabilities({});
    // A kept connection that the library's server closes just as it is used again would fail a request at random.
    for (const server of proxy) server.keepAliveTimeout = 0;
    return { httpUri, proxy };
  } finally {
    unsubscribe('tracing:net.server.listen:asyncStart', onListen);
  }
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

function readHostJson(folder: URL): { extensions?: { http?: { routePrefix?: string }; queues?: object } } {
  return JSON.parse(readFileSync(new URL('host.json', folder), 'utf8'));
}
