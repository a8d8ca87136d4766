import { request } from 'node:http';
import { type Azurite, connectionString, keptFor, startAzurite } from '../../local/azurite.ts';
import { PortTakenError } from '../ports.ts';
import type { Settings } from './settings.ts';
import { StartError } from './startError.ts';
import { type DevelopmentStorage, planStorage } from './storagePlan.ts';

/** The blob storage that the app is going to use. */
export interface Storage {
  /** The Azurite that was started for it, if any. */
  azurite?: Azurite;
  /** For people: where the blobs are. */
  description: string[];
  /** What the app has to be told instead of what the settings say. */
  overrides: Settings;
}

/**
 * Starts Azurite when the settings ask for development storage.
 *
 * @param environment what the user has set in the environment itself; a blob service that it names is used as it is.
 * @throws StartError when another program has Azurite's port.
 */
export async function prepareStorage(
  settings: Settings,
  environment: NodeJS.ProcessEnv,
  storagePort: number,
): Promise<Storage> {
  const plan = planStorage(settings, storagePort);
  switch (plan.kind) {
    case 'none':
      return { description: ['not configured: set CallStorage or AzureWebJobsStorage'], overrides: {} };
    case 'elsewhere':
      return { description: [`${plan.host} (from the setting ${plan.setting}; Azurite not started)`], overrides: {} };
    case 'development':
      return startOrFind(plan, Boolean(environment[plan.setting]));
  }
}

async function startOrFind(plan: DevelopmentStorage, isNamedByUser: boolean): Promise<Storage> {
  try {
    const kept = keptFor(plan.port);
    const azurite = await startAzurite({ port: plan.port, ...kept });
    const where = 'location' in kept ? kept.location : 'memory';
    return { azurite, ...describe(plan, azurite.port, ['(Azurite)', `kept in ${where}`]) };
  } catch (error) {
    if (!(error instanceof PortTakenError)) throw error;
    const mayBeUsed = await isBlobService(plan.port);
    if (mayBeUsed && isNamedByUser) return describe(plan, plan.port, ['(was running already, used as it is)']);
    throw new StartError(portTaken(plan, mayBeUsed), { cause: error });
  }
}

function describe(plan: DevelopmentStorage, port: number, [remark, ...more]: string[]): Storage {
  return {
    description: [`http://127.0.0.1:${port}/devstoreaccount1 ${remark}`, ...more],
    overrides: plan.usesShortForm && port !== 10000 ? { [plan.setting]: connectionString(port) } : {},
  };
}

function portTaken({ port, setting, usesShortForm }: DevelopmentStorage, mayBeUsed: boolean): string {
  const other = port + 10;
  const remedy = usesShortForm
    ? `Choose another:      npm start -- --storage-port ${other}   (or STORAGE_PORT=${other} npm start)`
    : `The setting ${setting} names this port; change it there.`;
  const use = `Use what runs there: set ${setting} in the environment, for example ${setting}=UseDevelopmentStorage=true`;
  return [
    `The storage port ${port} on 127.0.0.1 is taken${mayBeUsed ? ' by another blob service' : ''}.`,
    remedy,
    ...(mayBeUsed && usesShortForm ? [use] : []),
  ].join('\n');
}

function isBlobService(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = request({ host: '127.0.0.1', port, path: '/devstoreaccount1?comp=list', timeout: 2_000 });
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
