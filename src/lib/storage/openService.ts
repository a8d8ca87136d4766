import { BlobServiceClient, type StoragePipelineOptions } from '@azure/storage-blob';
import type { StorageConnection } from '../settings/storageConnection.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { observeRequests } from './observeRequests.ts';

/** The account with the right credential; the library for identities is loaded only when one is used. */
export async function openService(
  connection: StorageConnection,
  telemetry: Telemetry | undefined,
): Promise<BlobServiceClient> {
  // One try a call: BlobStorage.attempt retries by time, which the SDK's own policy (by count) cannot.
  const options = { retryOptions: { maxTries: 1 } };
  const service = await withCredential(connection, options);
  return telemetry === undefined ? service : observeRequests(service, options, telemetry);
}

async function withCredential(
  connection: StorageConnection,
  options: StoragePipelineOptions,
): Promise<BlobServiceClient> {
  if (connection.kind === 'connection-string') {
    return BlobServiceClient.fromConnectionString(connection.connectionString, options);
  }
  const { DefaultAzureCredential, ManagedIdentityCredential } = await import('@azure/identity');
  const { blobServiceUri, clientId, managed } = connection;
  const credential = managed
    ? new ManagedIdentityCredential(clientId === undefined ? {} : { clientId })
    : new DefaultAzureCredential(clientId === undefined ? {} : { managedIdentityClientId: clientId });
  return new BlobServiceClient(blobServiceUri, credential, options);
}
