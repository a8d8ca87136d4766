import type { Settings } from './settings.ts';

/** Azurite on this machine; `usesShortForm` when the connection names no port of its own. */
export interface DevelopmentStorage {
  kind: 'development';
  setting: string;
  port: number;
  usesShortForm: boolean;
}

/** Where the app will keep blobs, judged by its settings alone. */
export type StoragePlan =
  | DevelopmentStorage
  /** Somebody else's to run: an account in the cloud, or an emulator with another account. */
  | { kind: 'elsewhere'; setting: string; host: string }
  | { kind: 'none' };

const names = ['CallStorage', 'AzureWebJobsStorage'];
const loopback = new Set(['127.0.0.1', 'localhost', '[::1]']);

/** Finds the connection that the app will use (`CallStorage`, else `AzureWebJobsStorage`) and what it points at. */
export function planStorage(settings: Settings, storagePort: number): StoragePlan {
  for (const setting of names) {
    const connection = settings[setting];
    if (connection) return planConnection(setting, connection, storagePort);
    const identity = identityHost(settings, setting);
    if (identity !== undefined) return { kind: 'elsewhere', setting, host: identity };
  }
  return { kind: 'none' };
}

function planConnection(setting: string, connection: string, storagePort: number): StoragePlan {
  const parts = parse(connection);
  if (parts.get('usedevelopmentstorage')?.toLowerCase() === 'true') {
    return { kind: 'development', setting, port: storagePort, usesShortForm: true };
  }
  const endpoint = parts.get('blobendpoint');
  const account = parts.get('accountname') ?? '';
  if (endpoint === undefined || !URL.canParse(endpoint)) {
    const suffix = parts.get('endpointsuffix') ?? 'core.windows.net';
    return { kind: 'elsewhere', setting, host: account === '' ? 'unknown' : `${account}.blob.${suffix}` };
  }
  const { hostname, host, port, pathname, protocol } = new URL(endpoint);
  const isDevelopment = protocol === 'http:' && loopback.has(hostname) && pathname.split('/')[1] === 'devstoreaccount1';
  return isDevelopment
    ? { kind: 'development', setting, port: Number(port || 80), usesShortForm: false }
    : { kind: 'elsewhere', setting, host };
}

function identityHost(settings: Settings, name: string): string | undefined {
  const uri = settings[`${name}__blobServiceUri`] || settings[`${name}__serviceUri`];
  if (uri) return URL.canParse(uri) ? new URL(uri).host : 'unknown';
  const account = settings[`${name}__accountName`];
  return account ? `${account}.blob.core.windows.net` : undefined;
}

function parse(connection: string): Map<string, string> {
  const parts = connection.split(';').map((part) => {
    const equals = part.indexOf('=');
    return [part.slice(0, equals).trim().toLowerCase(), part.slice(equals + 1).trim()] as const;
  });
  return new Map(parts);
}
