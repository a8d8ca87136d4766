// npm start: the built app on this machine, with nothing installed but Node and npm.
import { existsSync, readFileSync } from 'node:fs';
import { type HostLine, type RunningHost, startHost } from '../local/host/host.ts';
import { LocalSettingsError, readLocalSettings } from './localSettings.ts';
import { isPortFree } from './ports.ts';
import { banner } from './serve/banner.ts';
import { type ElevenLabs, prepareElevenLabs } from './serve/elevenlabs.ts';
import { formatLine } from './serve/logLine.ts';
import { readOptions, type ServeOptions, UsageError, usage } from './serve/options.ts';
import { combineSettings, type Settings } from './serve/settings.ts';
import { StartError } from './serve/startError.ts';
import { prepareStorage, type Storage } from './serve/storage.ts';
import { stopRequest } from './stopRequest.ts';

try {
  const options = readOptions(process.argv.slice(2), process.env);
  if (options === undefined) console.log(usage);
  else await serve(options);
} catch (error) {
  console.error(explain(error));
  process.exit(error instanceof UsageError ? 2 : 1);
}

async function serve(options: ServeOptions): Promise<void> {
  const stopped = stopRequest().then(() => 0);
  const entryPoint = findEntryPoint(options.app);
  if (options.port !== 0 && !(await isPortFree(options.port))) throw new StartError(appPortTaken(options.port));

  const settings = combineSettings(process.env, readLocalSettings());
  const storage = await prepareStorage(settings, process.env, options.storagePort);
  let elevenLabs: ElevenLabs | undefined;
  try {
    elevenLabs = await prepareElevenLabs(settings);
    const host = await startApp(options, entryPoint, { ...settings, ...storage.overrides, ...elevenLabs.overrides });
    console.log(banner(host, { storage, elevenLabs, settings }));
    const exitCode = await Promise.race([stopped, azuriteFailure(storage)]);
    await host.close();
    process.exitCode = exitCode;
  } finally {
    await elevenLabs?.standIn?.close();
    await storage.azurite?.stop();
  }
  // Whatever the app has left open, timers and sockets of its SDKs included, ends here.
  process.exit();
}

/** What package.json names as `main`, as the Functions host reads it. */
function findEntryPoint(app: URL): URL {
  const manifest = new URL('package.json', app);
  if (!existsSync(manifest) || !existsSync(new URL('host.json', app)))
    throw new StartError(`There is no package.json beside a host.json in ${app.pathname}`);
  const { main } = JSON.parse(readFileSync(manifest, 'utf8')) as { main: string };
  const entryPoint = new URL(main, app);
  if (!existsSync(entryPoint))
    throw new StartError('The app is not built yet. Run it with npm start, or build it: npm run build');
  return entryPoint;
}

async function startApp({ port, app }: ServeOptions, entryPoint: URL, settings: Settings): Promise<RunningHost> {
  // Only here may deliveries be signed with the published development secret: this host listens on loopback alone.
  Object.assign(process.env, settings, { ELEVENLABS_WEBHOOK_LOCAL_RUNNER: 'true' });
  const bodyLimit = Number(settings['FUNCTIONS_REQUEST_BODY_SIZE_LIMIT']);
  const limits = Number.isSafeInteger(bodyLimit) && bodyLimit > 0 ? { bodyLimitBytes: bodyLimit } : {};
  return startHost({ port, write, folder: app, ...limits }, () => import(entryPoint.href));
}

function write(line: HostLine): void {
  const text = formatLine(line, new Date());
  if (text !== undefined) console.log(text);
}

async function azuriteFailure({ azurite }: Storage): Promise<number> {
  const { expected, output } = (await azurite?.ended) ?? (await new Promise<never>(() => {}));
  if (!expected) console.error(`Azurite, the blob storage, has ended unexpectedly. ${output.trim()}`);
  return 1;
}

function appPortTaken(port: number): string {
  return `Port ${port} on 127.0.0.1 is taken, perhaps by another npm start or func start.
Choose another:  npm start -- --port ${port + 1}   (or PORT=${port + 1} npm start)`;
}

function explain(error: unknown): string {
  if (error instanceof UsageError) return `${error.message}\n\n${usage}`;
  if (error instanceof StartError || error instanceof LocalSettingsError) return error.message;
  if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE')
    return 'The port was taken while the app started. Try again.';
  return `The app could not be started. ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}
