import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { parsePort } from '../ports.ts';

export const usage = `Usage: npm start [-- --port N] [--storage-port N] [--app FOLDER]

Serves the built app on 127.0.0.1, with Azurite as blob storage and, as long as no ELEVENLABS_API_KEY is set, a stand-in
for the ElevenLabs API.

  --port N           the app's port (else PORT, else 7071)
  --storage-port N   Azurite's port (else STORAGE_PORT, else 10000)
  --app FOLDER       a package that was unpacked, for example out/app (else the build of this repository)
  --help             this text

Settings come from the environment, then local.settings.json, then development defaults.`;

export interface ServeOptions {
  port: number;
  storagePort: number;
  /** The app's folder, with a slash at the end: host.json, package.json and what its `main` names. */
  app: URL;
}

const repository = new URL('../../../', import.meta.url);

/** Wrong command line; the message says what is wrong with it. */
export class UsageError extends Error {}

/** Reads the command line and the environment; undefined when only the usage text is wanted. */
export function readOptions(args: string[], environment: NodeJS.ProcessEnv): ServeOptions | undefined {
  const text = { type: 'string' } as const;
  const options = { port: text, 'storage-port': text, app: text, help: { type: 'boolean', short: 'h' } } as const;
  const values = parse(() => parseArgs({ args, options }).values);
  if (values.help === true) return undefined;
  return {
    port: port(values.port ?? (environment['PORT'] || '7071')),
    storagePort: port(values['storage-port'] ?? (environment['STORAGE_PORT'] || '10000')),
    app: values.app === undefined ? repository : folder(values.app, environment),
  };
}

/** npm runs scripts in the repository; a path is meant from where the user is, which npm keeps in INIT_CWD. */
function folder(path: string, environment: NodeJS.ProcessEnv): URL {
  return pathToFileURL(`${resolve(environment['INIT_CWD'] ?? '.', path)}/`);
}

function parse<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function port(text: string): number {
  const number = parsePort(text);
  if (number === undefined) throw new UsageError(`"${text}" is no port number`);
  return number;
}
