// npm start: the built app on this machine, with nothing installed but Node and npm.
import { existsSync, readFileSync } from 'node:fs';
import inspector from 'node:inspector';
import { fileURLToPath } from 'node:url';
import { commandLine } from '../command/commandLine.ts';
import { Failure } from '../command/errors.ts';
import { runCommand } from '../command/run.ts';
import { type RunningHost, startHost } from '../local/host/host.ts';
import { readLocalSettings } from './localSettings.ts';
import { isPortFree } from './ports.ts';
import { banner, bannerLine } from './serve/banner.ts';
import { type CallsPage, startCallsPage } from './serve/callsPage.ts';
import { nextFreePort } from './serve/choosePort.ts';
import { askBeforeCalls, type ElevenLabs, prepareElevenLabs } from './serve/elevenlabs.ts';
import { knowExampleAgent } from './serve/exampleAgent.ts';
import { followConsole } from './serve/followConsole.ts';
import { formatLine, type LineStyle } from './serve/logLine.ts';
import { readOptions, type ServeOptions, serveOptions, typed } from './serve/options.ts';
import { combineSettings, type Settings } from './serve/settings.ts';
import { prepareStorage, type Storage } from './serve/storage.ts';
import { watch } from './serve/watch.ts';
import { stopRequest } from './stopRequest.ts';

const USUAL_PORT = 7071;
const INSPECTOR_PORT = 9229;

await runCommand({
  name: 'start',
  options: serveOptions,
  details: [
    'Listens on 127.0.0.1. Azurite is the blob storage, and as long as no ELEVENLABS_API_KEY is set, a stand-in answers for the',
    'ElevenLabs API. Settings come from the environment, then local.settings.json, then development defaults. When a usual',
    'port is taken, the next free one is used.',
  ].join('\n'),
  async run({ values }) {
    const options = readOptions(values);
    if (!values.watch) return serve(options);
    const { watch: _, ...passedOn } = options.given;
    return watch({
      program: [fileURLToPath(import.meta.url), ...typed(passedOn)],
      build: [fileURLToPath(new URL('../maintain/build.mjs', import.meta.url))],
      source: fileURLToPath(new URL('../../src', import.meta.url)),
      stopped: stopRequest(),
    });
  },
});
// Whatever the app has left open, timers and sockets of its SDKs included, ends here.
process.exit();

async function serve(options: ServeOptions): Promise<number> {
  const stopped = stopRequest().then(() => 0);
  const entryPoint = findEntryPoint(options.app);
  if (options.port && !(await isPortFree(options.port))) throw new Failure(await appPortTaken(options.port, options));
  const { port, taken } = options.port === undefined ? await nextFreePort(USUAL_PORT, 1) : { port: options.port };

  const settings = combineSettings(process.env, readLocalSettings());
  const storage = await prepareStorage(settings, process.env, options);
  let elevenLabs: ElevenLabs | undefined;
  let page: CallsPage | undefined;
  try {
    page = await startCallsPage(storage);
    elevenLabs = await prepareElevenLabs(settings, storage.folder);
    if (options.isInspected) inspector.open((await isPortFree(INSPECTOR_PORT)) ? INSPECTOR_PORT : 0, '127.0.0.1');
    if (elevenLabs.standIn !== undefined) {
      await knowExampleAgent({ ...settings, ...storage.overrides, ...elevenLabs.overrides });
    }
    const style = lineStyle(settings);
    // Always as JSON, which can be shown in every way; the app reports any other value.
    const logFormat = style === undefined ? {} : { LOG_FORMAT: 'json' };
    const host = await startApp(
      { port, app: options.app, entryPoint, page, style: style ?? { format: 'text', isDebug: false } },
      { ...settings, ...storage.overrides, ...elevenLabs.overrides, ...logFormat },
    );
    askBeforeCalls(elevenLabs, host.url, settings);
    const notes = [taken, storage.taken].flatMap((usual) =>
      usual === undefined ? [] : [`port ${usual} was taken, this is the next free one`],
    );
    const surroundings = { storage, elevenLabs, page, settings, notes };
    const text = style?.format === 'json' ? JSON.stringify(bannerLine(host, surroundings)) : banner(host, surroundings);
    process.stdout.write(`${text}\n`);
    const exitCode = await Promise.race([stopped, azuriteFailure(storage)]);
    await host.close();
    return exitCode;
  } catch (error) {
    throw explained(error);
  } finally {
    await page?.close();
    await elevenLabs?.standIn?.close();
    await storage.storedCalls?.close();
    await storage.azurite?.stop();
  }
}

/** What package.json names as `main`, as the Functions host reads it. */
function findEntryPoint(app: URL): URL {
  const manifest = new URL('package.json', app);
  if (!existsSync(manifest) || !existsSync(new URL('host.json', app)))
    throw new Failure(`There is no package.json beside a host.json in ${fileURLToPath(app)}`);
  const { main } = JSON.parse(readFileSync(manifest, 'utf8')) as { main: string };
  const entryPoint = new URL(main, app);
  if (!existsSync(entryPoint))
    throw new Failure(`The app is not built yet. Run it with ${commandLine('start')}, or build it: npm run build`);
  return entryPoint;
}

interface App {
  port: number;
  app: URL;
  entryPoint: URL;
  page: CallsPage | undefined;
  style: LineStyle;
}

async function startApp({ port, app, entryPoint, page, style }: App, settings: Settings): Promise<RunningHost> {
  // Only here may deliveries be signed with the published development secret: this host listens on loopback alone.
  Object.assign(process.env, settings, { ELEVENLABS_WEBHOOK_LOCAL_RUNNER: 'true' });
  // The bundle has few line breaks; its source maps lead stack traces back to src/.
  process.setSourceMapsEnabled(true);
  const bodyLimit = Number(settings['FUNCTIONS_REQUEST_BODY_SIZE_LIMIT']);
  const limits = Number.isSafeInteger(bodyLimit) && bodyLimit > 0 ? { bodyLimitBytes: bodyLimit } : {};
  const show = console.log.bind(console);
  const write = (line: Parameters<typeof formatLine>[0]) => {
    page?.read(line);
    const text = formatLine(line, new Date(), style);
    if (text !== undefined) show(text);
  };
  followConsole(write);
  return startHost({ port, write, folder: app, ...limits }, () => import(entryPoint.href));
}

/** Undefined for a LOG_FORMAT that the app does not know. */
function lineStyle(settings: Settings): LineStyle | undefined {
  const format = (settings['LOG_FORMAT'] || 'text').trim().toLowerCase();
  if (format !== 'text' && format !== 'json') return undefined;
  return { format, isDebug: settings['LOG_LEVEL']?.trim().toUpperCase() === 'DEBUG' };
}

async function azuriteFailure({ azurite, storedCalls }: Storage): Promise<number> {
  if (azurite === undefined) return new Promise<never>(() => {});
  const running = storedCalls === undefined ? [azurite] : [azurite, storedCalls.azurite];
  const { expected, output } = await Promise.race(running.map(({ ended }) => ended));
  if (!expected) console.error(`Azurite, the storage, has ended unexpectedly. ${output.trim()}`);
  return 1;
}

async function appPortTaken(port: number, { given }: ServeOptions): Promise<string> {
  const other = String((await nextFreePort(port + 1, 1)).port);
  return `Port ${port} on 127.0.0.1 is taken, perhaps by another npm start or func start.
Choose another:  ${commandLine('start', typed({ ...given, port: other }))}   (or set PORT)`;
}

function explained(error: unknown): unknown {
  if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE')
    return new Failure('The port was taken while the app started. Try again.', { cause: error });
  return error;
}
