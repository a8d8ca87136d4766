import { DefaultAzureCredential } from '@azure/identity';
import { BlobServiceClient, type ContainerClient } from '@azure/storage-blob';
import type { Settings } from './settings.ts';

/** The storage account of the calls. */
export interface Calls {
  container(name: string): ContainerClient;
  /** One empty blob a call, named by its conversation id. */
  readonly markers: ContainerClient;
}

export function openCalls({ connection }: Pick<Settings, 'connection'>): Calls {
  const service =
    connection.kind === 'connection-string'
      ? BlobServiceClient.fromConnectionString(connection.connectionString)
      : new BlobServiceClient(connection.blobServiceUri, credential(connection.clientId));
  return {
    container: (name) => service.getContainerClient(name),
    markers: service.getContainerClient('after-the-call'),
  };
}

function credential(clientId: string | undefined): DefaultAzureCredential {
  return new DefaultAzureCredential(clientId === undefined ? {} : { managedIdentityClientId: clientId });
}
