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
import { Timers, withValidSchedules } from './timers.ts';
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
    overridesInvocationId = false,
    shutdownMs = 30_000,
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
  functions.timer = withValidSchedules(functions.timer, write);
  const timers = new Timers(functions.timer, invoker, write);
  await invoker.runAppHooks('appStart');
  const { httpUri, proxy } = await openProxy(registry.model);
  if (httpUri === undefined && !hasFront)
    throw new Error('Without HTTP streams there is no proxy to speak to directly');
  const streamed = () =>
    hasFront
      ? new StreamedRequests({ httpUri: String(httpUri), invoker, write, bodyLimitBytes, overridesInvocationId })
      : directRequests(invoker, write);
  const requests = httpUri === undefined ? new BufferedRequests(invoker, write) : streamed();

  const serve = requests.serve.bind(requests);
  const onRequest = createFront({ functions: functions.http, bodyLimitBytes, write, serve });
  // Over Node's 16 KB, so that it is the host's own limits that refuse.
  const front = hasFront ? [createServer({ maxHeaderSize: 128 * 1024 })] : [];
  for (const server of hasFront ? front : proxy) server.on('request', onRequest);
  const close = async () => {
    timers.stop();
    await Promise.all([queues.stop(), ...front.map((server) => finish(server, shutdownMs))]);
    requests.close();
    await Promise.all(proxy.map((server) => finish(server, shutdownMs)));
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
 * keeps that server to itself; Node announces it while it begins to listen, and so it can be kept on loopback, and closed in
 * the end.
 */
async function openProxy(model: ProgrammingModel): Promise<{ httpUri: string | undefined; proxy: Server[] }> {
  const proxy: Server[] = [];
  const onListen = (message: unknown) => {
    const { server, options } = message as { server: Server; options: { host?: string } };
    // The library asks for all interfaces; a stranger in the same network could speak to it without the front.
    options.host = '127.0.0.1';
    proxy.push(server);
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

/** Takes no new connections, and lets what is under way finish for a while. */
function finish(server: Server, shutdownMs: number): Promise<void> {
  return new Promise((resolve) => {
    const cutOff = setTimeout(() => server.closeAllConnections(), shutdownMs);
    const idle = setInterval(() => server.closeIdleConnections(), 20);
    server.close(() => {
      clearTimeout(cutOff);
      clearInterval(idle);
      resolve();
    });
  });
}

function readHostJson(folder: URL): { extensions?: { http?: { routePrefix?: string }; queues?: object } } {
  return JSON.parse(readFileSync(new URL('host.json', folder), 'utf8'));
}
