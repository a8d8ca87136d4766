import type { TokenCredential } from '@azure/identity';
import { BlobServiceClient, RestError } from '@azure/storage-blob';
import { readStorageAreas, type StorageAreas } from '../../src/lib/settings/storageAreas.ts';
import { readConnection } from '../../src/lib/settings/storageConnection.ts';
import { BlobStorage } from '../../src/lib/storage/blobStorage.ts';
import { commandLine } from '../command/commandLine.ts';
import { Failure, UsageError } from '../command/errors.ts';
import { flag, port, text } from '../command/option.ts';
import { connectionString } from '../local/azurite.ts';
import { readAzdEnvironment } from './azdEnvironment.ts';
import { readEnvironmentPort } from './environmentPort.ts';
import { readLocalSettings } from './localSettings.ts';
import { combineSettings, type Settings } from './serve/settings.ts';
import { planStorage } from './serve/storagePlan.ts';

/** The options of every command that works on what is stored. */
export const storageOptions = {
  azure: flag("the account of azd's environment, with your own sign-in"),
  account: text('NAME', 'this storage account, with your own sign-in'),
  'storage-port': port('of the local storage (else STORAGE_PORT, else 10000)'),
};

interface StorageValues {
  readonly azure: boolean;
  readonly account: string | undefined;
  readonly 'storage-port': number | undefined;
}

/** What is stored, opened for an operator's command. */
export interface StorageAccess {
  readonly storage: BlobStorage;
  readonly areas: StorageAreas;
  /** The settings in force, without any of another account. */
  readonly settings: Readonly<Record<string, string | undefined>>;
  /** For people: `account NAME`, `local storage on port 10000`. */
  readonly name: string;
  /** Whether it is a storage account, opened with the operator's own sign-in. */
  readonly isAzure: boolean;
  /** What to tell a user about an error of storage: the missing role with the command that gives it. Others come back as they are. */
  explained(error: unknown): unknown;
}

/** In place of Azure's own, for tests. */
interface Stand {
  readonly credential: TokenCredential;
  readonly endpoint: string;
}

type Role = 'Storage Blob Data Reader' | 'Storage Blob Data Contributor' | 'Storage Blob Data Owner';

const BUDGET = { totalMs: 60_000, tryMs: 30_000 };
const ONE_TRY = { retryOptions: { maxTries: 1 } };

/**
 * Opens the storage that a command works on: that of the settings (environment, then local.settings.json, then the local
 * Azurite), or with --azure or --account an account in Azure, by the operator's sign-in (`az login`, `azd auth login`) and
 * never with a key.
 *
 * @param role what the command needs at least.
 * @throws UsageError, Failure.
 */
export async function openStorage(values: StorageValues, role: Role, stand?: Stand): Promise<StorageAccess> {
  const { azure, account: given } = values;
  if (azure && given !== undefined) throw new UsageError('--azure and --account exclude each other');
  if (!azure && given === undefined) return openConfigured(values['storage-port']);
  if (values['storage-port'] !== undefined) throw new UsageError('--storage-port is for the local storage');
  const azd = azure ? readAzdEnvironment() : {};
  const account = given ?? azd['AZURE_CALL_STORAGE_NAME'];
  if (account === undefined)
    throw new Failure("azd's environment names no AZURE_CALL_STORAGE_NAME: run azd provision.");
  if (!/^[a-z0-9]{3,24}$/.test(account)) throw new UsageError('--account: 3 to 24 lower-case letters and digits');
  const endpoint = stand?.endpoint ?? `https://${account}.blob.core.windows.net`;
  const settings = { ...azd, ...process.env };
  return {
    storage: new BlobStorage(await accountService(endpoint, stand?.credential), BUDGET),
    areas: areasOf(settings),
    settings,
    name: `account ${account}`,
    isAzure: true,
    explained: (error) => explainedOfAccount(error, account, role),
  };
}

/** An account in Azure, opened with the operator's sign-in. */
export async function accountService(endpoint: string, credential?: TokenCredential): Promise<BlobServiceClient> {
  return new BlobServiceClient(endpoint, credential ?? (await operatorCredential()), ONE_TRY);
}

async function operatorCredential(): Promise<TokenCredential> {
  const { DefaultAzureCredential } = await import('@azure/identity');
  return new DefaultAzureCredential();
}

/**
 * The blob service that the settings name by a connection string; the local Azurite for development storage.
 *
 * @param storagePort of the local Azurite.
 */
export function configuredService(settings: Settings, storagePort: number): BlobServiceClient | undefined {
  const plan = planStorage(settings, storagePort);
  const connection = plan.kind === 'elsewhere' ? settings[plan.setting] : undefined;
  if (plan.kind === 'development') return BlobServiceClient.fromConnectionString(connectionString(plan.port), ONE_TRY);
  return connection === undefined ? undefined : BlobServiceClient.fromConnectionString(connection, ONE_TRY);
}

async function openConfigured(given: number | undefined): Promise<StorageAccess> {
  const settings = combineSettings(process.env, readLocalSettings());
  const plan = planStorage(settings, given ?? readEnvironmentPort('STORAGE_PORT') ?? 10000);
  const connection =
    plan.kind === 'development'
      ? ({ kind: 'connection-string', connectionString: connectionString(plan.port) } as const)
      : readConnection(settings);
  if ('setting' in connection) throw new Failure(`setting ${connection.setting} ${connection.message}`);
  const name = plan.kind === 'development' ? `local storage on port ${plan.port}` : 'the storage of the settings';
  const budget = plan.kind === 'development' ? { totalMs: 10_000, tryMs: 10_000 } : BUDGET;
  return {
    storage: new BlobStorage(connection, budget),
    areas: areasOf(settings),
    settings,
    name,
    isAzure: false,
    explained: (error) => explainedOfLocal(error, name),
  };
}

function areasOf(settings: Readonly<Record<string, string | undefined>>): StorageAreas {
  const areas = readStorageAreas(settings);
  if ('setting' in areas)
    throw new Failure(`setting ${areas.setting} is not usable: ${commandLine('check-settings')} says why.`);
  return areas;
}

function explainedOfLocal(error: unknown, name: string): unknown {
  const cause = rootOf(error);
  if (cause instanceof RestError && cause.statusCode === undefined) {
    return new Failure(
      `No storage answers (${name}). Is it running? Start it with ${commandLine('start')} (or ${commandLine('storage')}).`,
      { cause: error },
    );
  }
  return cause instanceof RestError ? new Failure(`Storage refuses (${describe(cause)}).`, { cause: error }) : error;
}

function explainedOfAccount(error: unknown, account: string, role: Role): unknown {
  const cause = rootOf(error);
  if (isOfCredential(cause))
    return new Failure(`You are not signed in to Azure: az login (or azd auth login).`, { cause: error });
  if (!(cause instanceof RestError)) return error;
  if (cause.code === 'AuthorizationPermissionMismatch') {
    return new Failure(
      `You lack a role on the account ${account}: ${role}. Who may give roles gives it with

  az role assignment create --role "${role}" --assignee "$(az ad signed-in-user show --query id --output tsv)" \\
    --scope "$(az storage account show --name ${account} --query id --output tsv)"

It takes a few minutes until a new role counts.`,
      { cause: error },
    );
  }
  if (cause.statusCode === 403) {
    return new Failure(
      `The account ${account} refuses (${describe(cause)}): do its network rules let this machine in?`,
      { cause: error },
    );
  }
  if (cause.statusCode === undefined)
    return new Failure(`The account ${account} does not answer: is the name right?`, { cause: error });
  return new Failure(`The account ${account} refuses (${describe(cause)}).`, { cause: error });
}

function describe({ statusCode, code }: RestError): string {
  return [statusCode, code].filter(Boolean).join(' ');
}

/** Under what the app says of its own identity. */
function rootOf(error: unknown): unknown {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at instanceof RestError || isOfCredential(at)) return at;
  }
  return error;
}

function isOfCredential(error: unknown): boolean {
  return (
    error instanceof Error &&
    /^(CredentialUnavailable|Authentication|AggregateAuthentication|ChainedTokenCredential)/.test(error.name)
  );
}
