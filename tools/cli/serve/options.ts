import { pathToFileURL } from 'node:url';
import { UsageError } from '../../command/errors.ts';
import { flag, path, port, type Values } from '../../command/option.ts';
import { readEnvironmentPort } from '../environmentPort.ts';

export const serveOptions = {
  port: port("the app's port (else PORT, else 7071)"),
  'storage-port': port("Azurite's port (else STORAGE_PORT, else 10000)"),
  app: path('FOLDER', 'a package that was unpacked, for example out/app (else the build of this repository)'),
  inspect: flag('lets a debugger attach, on 127.0.0.1:9229 or, when that is taken, another port'),
  watch: flag('builds and starts again whenever src/ changes'),
  'stored-call-events': flag('a queue with a message for each stored call, as on Azure: docs/after-the-call.md'),
} as const;

export interface ServeOptions {
  /** Undefined when none was asked for: the usual one then, or the next free one. */
  port: number | undefined;
  storagePort: number | undefined;
  /** The app's folder, with a slash at the end: host.json, package.json and what its `main` names. */
  app: URL;
  isInspected: boolean;
  hasStoredCallEvents: boolean;
  /** What was on the command line, for advice that keeps it. */
  given: Readonly<Record<string, string>>;
}

const repository = new URL('../../../', import.meta.url);

/** Makes sense of the command line and the environment. Throws a {@link UsageError} for what makes none. */
export function readOptions(values: Values<typeof serveOptions>): ServeOptions {
  if (values.watch && values.app !== undefined)
    throw new UsageError('--watch is for the build of this repository, without --app');
  const valued = { port: values.port, 'storage-port': values['storage-port'], app: values.app };
  const flags = (['inspect', 'watch', 'stored-call-events'] as const).filter((name) => values[name]);
  return {
    port: values.port ?? readEnvironmentPort('PORT'),
    storagePort: values['storage-port'] ?? readEnvironmentPort('STORAGE_PORT'),
    app: values.app === undefined ? repository : pathToFileURL(`${values.app}/`),
    isInspected: values.inspect,
    hasStoredCallEvents: values['stored-call-events'],
    given: Object.fromEntries([
      ...Object.entries(valued).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
      ...flags.map((name) => [name, '']),
    ]),
  };
}

/** Options as they are typed: those that were given, with some of them changed. */
export function typed(options: Readonly<Record<string, string>>): string[] {
  return Object.entries(options).flatMap(([name, value]) => [`--${name}`, ...(value === '' ? [] : [value])]);
}
