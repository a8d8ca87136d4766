import { BlobServiceClient } from '@azure/storage-blob';
import type { Environment, SettingProblem } from './settingProblems.ts';

/** How to reach the storage account: with its keys, or with an identity and Azure RBAC. */
export type StorageConnection =
  | { readonly kind: 'connection-string'; readonly connectionString: string }
  | {
      readonly kind: 'identity';
      readonly blobServiceUri: string;
      readonly clientId?: string;
      readonly managed: boolean;
    };

/**
 * `CallStorage`, else `AzureWebJobsStorage`, spelled as the Functions host spells its own connections: the name alone holds
 * a connection string, `__blobServiceUri` (or `__serviceUri`, `__accountName`) an identity-based one.
 */
export function readConnection(environment: Environment): StorageConnection | SettingProblem {
  for (const name of ['CallStorage', 'AzureWebJobsStorage']) {
    const connectionString = environment[name];
    if (connectionString !== undefined) {
      if (canOpen(connectionString)) return { kind: 'connection-string', connectionString };
      return { setting: name, message: 'is not a valid storage connection string: copy it again from the account' };
    }
    const address = identityAddress(environment, name);
    if (address === undefined) continue;
    if (!/^https:\/\/[^\s/?#@]+\/?$/.test(address.uri)) {
      return { setting: address.setting, message: 'must be an https address without a path' };
    }
    const clientId = environment[`${name}__clientId`];
    const managed = environment[`${name}__credential`]?.toLowerCase() === 'managedidentity';
    return { kind: 'identity', blobServiceUri: address.uri, managed, ...(clientId === undefined ? {} : { clientId }) };
  }
  return {
    setting: 'CallStorage',
    message: 'is required (or AzureWebJobsStorage): a storage connection string, or CallStorage__blobServiceUri',
  };
}

function identityAddress(environment: Environment, name: string): { setting: string; uri: string } | undefined {
  for (const setting of [`${name}__blobServiceUri`, `${name}__serviceUri`]) {
    const uri = environment[setting];
    if (uri !== undefined) return { setting, uri };
  }
  const setting = `${name}__accountName`;
  const account = environment[setting];
  return account === undefined ? undefined : { setting, uri: `https://${account}.blob.core.windows.net` };
}

/** The storage library decides: it will be the one to open it. */
function canOpen(connectionString: string): boolean {
  try {
    BlobServiceClient.fromConnectionString(connectionString);
    return true;
  } catch {
    return false;
  }
}
