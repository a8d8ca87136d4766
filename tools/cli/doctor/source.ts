import type { BlobServiceClient } from '@azure/storage-blob';
import { ElevenLabsClient } from '../../../src/lib/elevenlabs/client.ts';
import { WorkspaceApi } from '../../../src/lib/elevenlabs/workspaceApi.ts';
import { readSettings } from '../../../src/lib/settings/settings.ts';
import { Failure } from '../../command/errors.ts';
import type { AzureApi } from '../azure/azureApi.ts';
import { AzureError } from '../azure/azureError.ts';
import { resolveReferences } from '../checkSettings/source.ts';
import { isLoopback } from '../connect/target.ts';
import { readBaseUrl } from '../operatorKey.ts';
import type { Target } from '../send/target.ts';
import { standInSettings } from '../serve/elevenlabs.ts';
import { combineSettings, type Settings } from '../serve/settings.ts';
import { accountService, configuredService } from '../storageAccess.ts';
import type { AppSettings, DoctorContext } from './doctor.ts';

interface Source {
  readonly target: Target;
  /** Of this machine: environment and local.settings.json. */
  readonly environment: NodeJS.ProcessEnv;
  readonly local: Settings;
  /** Empty: nobody has one. */
  readonly operatorKey: string;
}

/** What is known of an app on this machine, with the settings that npm start gives it, and of another one without a sign-in: its address alone. */
export function localContext(source: Source & { readonly storagePort: number }): DoctorContext {
  const { target, environment, local } = source;
  const given = { ...local, ...environment };
  const isLocal = isLoopback(target.webhook);
  const combined = combineSettings(environment, local);
  const values = { ...combined, ...standInSettings(combined) };
  const secrets = isLocal ? values['ELEVENLABS_WEBHOOK_SECRET'] : given['ELEVENLABS_WEBHOOK_SECRET'];
  return {
    ...elevenLabsOf(source, isLocal ? given['ELEVENLABS_API_KEY'] : undefined, given),
    target,
    settings: isLocal ? appSettings(values, { ELEVENLABS_WEBHOOK_LOCAL_RUNNER: 'true' }) : undefined,
    secrets: split(secrets),
    initiationSecrets: split((isLocal ? values : given)['INITIATION_SECRET']),
    azure: undefined,
    blobs: isLocal ? configuredService(values, source.storagePort) : undefined,
    now: Date.now,
  };
}

/** What the operator's sign-in may see of an app at Azure. @throws Failure when it does not see the app at all. */
export async function azureContext(source: Source, api: AzureApi): Promise<DoctorContext> {
  const { target, environment, local } = source;
  const site = await api.findSite(target.webhook.hostname);
  if (site === undefined) {
    throw new Failure(`Your sign-in sees no function app that answers at ${target.webhook.hostname} (role Reader).`);
  }
  const values = await ifAllowed(api.getAppSettings(site));
  const secret = await secretIn(values?.['ELEVENLABS_WEBHOOK_SECRET'], api);
  const initiationSecret = await secretIn(values?.['INITIATION_SECRET'], api);
  const key = await secretIn(values?.['ELEVENLABS_API_KEY'], api);
  const given = { ...local, ...environment };
  return {
    ...elevenLabsOf(source, key, values ?? given),
    target,
    settings: values && appSettings(values),
    secrets: split(secret ?? given['ELEVENLABS_WEBHOOK_SECRET']),
    initiationSecrets: split(initiationSecret ?? given['INITIATION_SECRET']),
    azure: { api, site },
    blobs: await azureBlobs(values),
    now: Date.now,
  };
}

function appSettings(values: Settings, more: Settings = {}): AppSettings {
  const { settings, unchecked } = resolveReferences(values);
  return { configuration: readSettings({ ...settings, ...more }), values: settings, unchecked };
}

function elevenLabsOf({ operatorKey }: Source, appKey: string | undefined, values: NodeJS.ProcessEnv) {
  const baseUrl = readBaseUrl(values);
  const key = operatorKey || appKey;
  const retries = { tries: 2 };
  return {
    workspace: key ? new WorkspaceApi({ baseUrl, apiKey: key, retries }) : undefined,
    client: appKey ? new ElevenLabsClient({ baseUrl, apiKey: appKey, retries }) : undefined,
  };
}

async function azureBlobs(values: Settings | undefined): Promise<BlobServiceClient | undefined> {
  const uri = values?.['CallStorage__blobServiceUri'];
  if (uri === undefined || !/^https:\/\/[a-z0-9]{3,24}\.blob\.[a-z.]+\/?$/.test(uri)) return undefined;
  return accountService(uri);
}

/** The value, or that of the vault's secret when it is a reference as the template writes it; undefined when that is not to be had. */
async function secretIn(value: string | undefined, api: AzureApi): Promise<string | undefined> {
  const [, vault, name] =
    /^@Microsoft\.KeyVault\(VaultName=([A-Za-z0-9-]{3,24});SecretName=([A-Za-z0-9-]{1,127})\)$/.exec(value ?? '') ?? [];
  if (vault !== undefined && name !== undefined) return ifAllowed(api.getSecret(vault, name));
  return value?.startsWith('@') ? undefined : value;
}

/** A role that is missing costs the checks that need it, not all of them. */
async function ifAllowed<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof AzureError) return undefined;
    throw error;
  }
}

function split(list: string | undefined): readonly string[] {
  return (list ?? '').split(',').filter((secret) => secret !== '' && !secret.startsWith('@'));
}
