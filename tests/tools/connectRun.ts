import { WorkspaceApi } from '../../src/lib/elevenlabs/workspaceApi.ts';
import { AzureApi } from '../../tools/cli/azure/azureApi.ts';
import { connect } from '../../tools/cli/connect/connect.ts';
import { rotate } from '../../tools/cli/connect/rotate.ts';
import { vaultStore } from '../../tools/cli/connect/secretStore.ts';
import { readConnectTarget } from '../../tools/cli/connect/target.ts';

export interface ConnectRun {
  readonly apiUrl: string;
  readonly azureUrl: string;
  readonly appUrl: string;
  readonly agentIds: readonly string[];
  readonly isRotation?: boolean;
}

/** What tools/cli/connect.ts does after it has read its command line, with stand-ins instead of the real services. */
export async function runConnect({ apiUrl, azureUrl, appUrl, agentIds, isRotation }: ConnectRun): Promise<void> {
  const azure = new AzureApi({ management: azureUrl, vault: () => azureUrl, token: async () => 'token' });
  const context = {
    api: new WorkspaceApi({ baseUrl: apiUrl, apiKey: 'operator_key' }),
    store: vaultStore(azure, 'kv-1'),
    azure,
    baseUrl: apiUrl,
    say: () => {},
    now: Date.now,
    patience: { waitMs: 10_000, everyMs: 50 },
  };
  const target = readConnectTarget(appUrl);
  const options = { target, agentIds, isConfirmed: true, isDryRun: false, replacesOthers: false };
  await (isRotation === true ? rotate(options, context) : connect(options, context));
  await context.api.close();
}
