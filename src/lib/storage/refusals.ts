import { RestError } from '@azure/storage-blob';
import { StorageUnavailable } from '../errors.ts';

const WORTH_RETRYING = new Set([408, 429, 500, 502, 503, 504]);
const PASSING = new Set(['ContainerBeingDeleted', 'ContainerBeingCreated', 'ServerBusy', 'OperationTimedOut']);

/** Storage's own code; an answer to HEAD has it only in its headers. */
export function codeOf(error: RestError): string | undefined {
  return error.response?.headers.get('x-ms-error-code') ?? error.code;
}

/** Whether the same request may be answered otherwise soon. */
export function isWorthRetrying(error: unknown): boolean {
  if (!(error instanceof RestError)) return error instanceof Error && error.name === 'AbortError'; // one try timed out
  if (error.statusCode === undefined || PASSING.has(codeOf(error) ?? '')) return true;
  return WORTH_RETRYING.has(error.statusCode);
}

/** Whether it says who may use storage, or who the app is: passing at best, and never a bug of the app. */
export function isAccessRefused(error: unknown): boolean {
  if (error instanceof RestError) return error.statusCode === 401 || error.statusCode === 403;
  return error instanceof Error && /Authentication|Credential/.test(error.name); // of @azure/identity
}

/** What an operator is told when the app gives up. */
export function unavailable(error: unknown): StorageUnavailable {
  const status = error instanceof RestError ? error.statusCode : undefined;
  const code =
    error instanceof RestError ? (codeOf(error) ?? 'no code') : error instanceof Error ? error.name : 'unknown';
  if (status === 401 || status === 403) {
    return new StorageUnavailable(
      `Storage refuses access (${status} ${code}). Give the app's identity the role Storage Blob Data Contributor on the ` +
        'account, or correct the key in CallStorage (or AzureWebJobsStorage), and look at the network rules of the account.',
      error,
    );
  }
  if (isOldAzurite(error)) {
    return new StorageUnavailable(
      'This Azurite is too old for the storage library of the app: update it (npm install -g azurite), or start it with ' +
        '--skipApiVersionCheck. npm start brings one that fits.',
      error,
    );
  }
  if (status !== undefined && !isWorthRetrying(error)) {
    return new StorageUnavailable(`Storage refuses what the app asks of it (${status} ${code}).`, error);
  }
  return new StorageUnavailable(
    `Storage did not answer within the time budget (${status ?? 'no answer'}, ${code}). Is the account named by CallStorage ` +
      '(or AzureWebJobsStorage) right and reachable? On a laptop: does Azurite run?',
    error,
  );
}

/** An Azurite refuses every API version that is newer than itself (`checkApiVersion` in github.com/Azure/Azurite). */
function isOldAzurite(error: unknown): boolean {
  if (!(error instanceof RestError) || error.statusCode !== 400 || codeOf(error) !== 'InvalidHeaderValue') return false;
  return error.response?.headers.get('server')?.startsWith('Azurite') === true;
}
