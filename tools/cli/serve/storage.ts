import { request } from 'node:http';
import { commandLine } from '../../command/commandLine.ts';
import { Failure } from '../../command/errors.ts';
import { type Azurite, connectionString, keptFor, startAzurite } from '../../local/azurite.ts';
import type { StoredCallEvents } from '../../local/storedCallEvents.ts';
import { PortTakenError } from '../ports.ts';
import { nextFreePort } from './choosePort.ts';
import { type ServeOptions, typed } from './options.ts';
import type { Settings } from './settings.ts';
import { type DevelopmentStorage, planStorage } from './storagePlan.ts';
import { eventsOfStoredCalls, type StoredCalls, startStoredCalls } from './storedCalls.ts';

const USUAL_PORT = 10_000;
/** So far apart that the ports of Azurite's other services, 10001 and 10002, stay between them. */
const STEP = 10;

/** The blob storage that the app is going to use. */
export interface Storage {
  /** The Azurite that was started for it, if any. */
  azurite?: Azurite;
  /** The queue of stored calls, if it was asked for. */
  storedCalls?: StoredCalls;
  /** Where local runs keep things; undefined when it is elsewhere, or in memory. */
  folder?: string;
  /** For people: where the blobs are. */
  description: string[];
  /** Whether it is on this machine, whoever has started it. */
  isLocal: boolean;
  /** The port to name to other commands; undefined when they find it by themselves. */
  port?: number;
  /** The usual port, when that was taken and another is used. */
  taken?: number;
  /** What the app has to be told instead of what the settings say. */
  overrides: Settings;
}

/**
 * Starts Azurite when the settings ask for development storage: on the port that was asked for, else on the usual one or the
 * next that is free.
 *
 * @param environment what the user has set in the environment itself; a blob service that it names is used as it is.
 * @throws Failure when another program has Azurite's port, or stored-call events are asked for of a storage that is not started here.
 */
export async function prepareStorage(
  settings: Settings,
  environment: NodeJS.ProcessEnv,
  options: Pick<ServeOptions, 'storagePort' | 'hasStoredCallEvents' | 'given'>,
): Promise<Storage> {
  const plan = planStorage(settings, options.storagePort ?? USUAL_PORT);
  if (options.hasStoredCallEvents && plan.kind !== 'development') throw new Failure(onlyItsOwn);
  switch (plan.kind) {
    case 'none':
      return { description: ['not configured: set CallStorage or AzureWebJobsStorage'], isLocal: false, overrides: {} };
    case 'elsewhere':
      return {
        description: [`${plan.host} (from the setting ${plan.setting}; Azurite not started)`],
        isLocal: false,
        overrides: {},
      };
    case 'development': {
      const isNamedByUser = Boolean(environment[plan.setting]);
      const isFree = options.storagePort === undefined && plan.usesShortForm && !isNamedByUser;
      const wanted: Wanted = {
        isNamedByUser,
        given: options.given,
        events: options.hasStoredCallEvents ? eventsOfStoredCalls(settings) : undefined,
      };
      if (!isFree) return startOrFind(plan, wanted);
      const { port, taken } = await nextFreePort(USUAL_PORT, STEP);
      const storage = await startOrFind({ ...plan, port }, wanted);
      return taken === undefined ? storage : { ...storage, taken };
    }
  }
}

interface Wanted {
  isNamedByUser: boolean;
  given: ServeOptions['given'];
  events: StoredCallEvents | undefined;
}

const onlyItsOwn =
  '--stored-call-events tells of blobs in an Azurite that npm start has started itself, not of others.';

async function startOrFind(plan: DevelopmentStorage, wanted: Wanted): Promise<Storage> {
  const { isNamedByUser, given, events } = wanted;
  try {
    const kept = keptFor(plan.port);
    const listening = events === undefined ? {} : { onAccess: (line: string) => events.hear(line) };
    const azurite = await startAzurite({ port: plan.port, ...kept, ...listening });
    const storedCalls = await startQueue(azurite, wanted, plan.port);
    const folder = 'location' in kept ? kept.location : undefined;
    const described = describe(plan, azurite.port, ['(Azurite)', `kept in ${folder ?? 'memory'}`]);
    return { azurite, ...storedCalls, ...described, ...(folder === undefined ? {} : { folder }) };
  } catch (error) {
    if (!(error instanceof PortTakenError)) throw error;
    const mayBeUsed = await isBlobService(plan.port);
    if (mayBeUsed && isNamedByUser && events !== undefined) throw new Failure(onlyItsOwn, { cause: error });
    if (mayBeUsed && isNamedByUser) return describe(plan, plan.port, ['(was running already, used as it is)']);
    throw new Failure(await portTaken(plan, mayBeUsed, given), { cause: error });
  }
}

async function startQueue(azurite: Azurite, { events }: Wanted, port: number): Promise<{ storedCalls?: StoredCalls }> {
  if (events === undefined) return {};
  try {
    return { storedCalls: await startStoredCalls(events, azurite, { ...keptFor(port), isFreePort: port === 0 }) };
  } catch (error) {
    await azurite.stop();
    throw error;
  }
}

function describe(plan: DevelopmentStorage, port: number, [remark, ...more]: string[]): Omit<Storage, 'azurite'> {
  const isUsual = !plan.usesShortForm || port === USUAL_PORT;
  return {
    description: [`http://127.0.0.1:${port}/devstoreaccount1 ${remark}`, ...more],
    isLocal: true,
    ...(isUsual ? {} : { port }),
    overrides: isUsual ? {} : { [plan.setting]: connectionString(port) },
  };
}

async function portTaken(
  { port, setting, usesShortForm }: DevelopmentStorage,
  mayBeUsed: boolean,
  given: ServeOptions['given'],
): Promise<string> {
  const other = String((await nextFreePort(port + STEP, STEP)).port);
  const remedy = usesShortForm
    ? `Choose another:      ${commandLine('start', typed({ ...given, 'storage-port': other }))}   (or set STORAGE_PORT)`
    : `The setting ${setting} names this port; change it there.`;
  const use = `Use what runs there: set ${setting} in the environment, for example to UseDevelopmentStorage=true`;
  return [
    `The storage port ${port} on 127.0.0.1 is taken${mayBeUsed ? ' by another blob service' : ''}.`,
    remedy,
    ...(mayBeUsed && usesShortForm ? [use] : []),
  ].join('\n');
}

function isBlobService(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = request({ host: '127.0.0.1', port, path: '/devstoreaccount1?comp=list', timeout: 10_000 });
    probe.on('response', ({ headers }) => {
      const isAzurite = String(headers['server']).startsWith('Azurite-Blob');
      resolve(isAzurite || headers['x-ms-request-id'] !== undefined);
      probe.destroy();
    });
    probe.on('timeout', () => probe.destroy());
    probe.on('error', () => resolve(false));
    probe.on('close', () => resolve(false));
    probe.end();
  });
}
