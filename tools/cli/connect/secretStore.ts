import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { AzureApi } from '../azure/azureApi.ts';
import { LocalSettingsError, readLocalSettings } from '../localSettings.ts';

/** The app takes no more (docs/reference.md, Settings). */
export const MAX_SECRETS = 4;
const SETTING = 'ELEVENLABS_WEBHOOK_SECRET';
const VAULT_SECRET = 'elevenlabs-webhook-secret';

/** Where the app has its secrets from. */
export interface SecretStore {
  readonly kind: 'vault' | 'file' | 'print';
  /** For people: `the vault kv-1`. */
  readonly description: string;
  /** Newest first. */
  read(): Promise<readonly string[]>;
  write(secrets: readonly string[]): Promise<void>;
}

/** The vault's secret to which the template's setting refers. */
export function vaultStore(azure: AzureApi, vault: string, name = VAULT_SECRET): SecretStore {
  return {
    kind: 'vault',
    description: `the vault ${vault}`,
    read: async () => split(await azure.getSecret(vault, name)),
    write: (secrets) => azure.setSecret(vault, name, secrets.join(',')),
  };
}

/** local.settings.json, of which everything else stays as it is. */
export function fileStore(
  file = fileURLToPath(new URL('../../../local.settings.json', import.meta.url)),
  setting = SETTING,
): SecretStore {
  return {
    kind: 'file',
    description: 'local.settings.json',
    read: async () => split(readLocalSettings(pathToFileURL(file))[setting]),
    write: async (secrets) => writeSetting(file, setting, secrets.join(',')),
  };
}

/** Shown once on standard output; what the app has already is known when this process has it in its settings. */
export function printStore(known: string | undefined, print: (text: string) => void): SecretStore {
  let secrets = split(known);
  return {
    kind: 'print',
    description: 'this terminal',
    read: async () => secrets,
    write: async (all) => {
      for (const secret of all.filter((one) => !secrets.includes(one))) print(secret);
      secrets = [...all];
    },
  };
}

/**
 * The list with a new secret in front. Of a full one the oldest goes that no webhook at this address has, as far as that can
 * be told.
 *
 * @param isUsed whether a webhook that exists is known to sign with it.
 */
export function withNewest(
  secret: string,
  stored: readonly string[],
  isUsed: (secret: string) => boolean,
): { readonly secrets: readonly string[]; readonly dropped: number } {
  const others = stored.filter((one) => one !== secret);
  const kept = [...others];
  while (kept.length >= MAX_SECRETS) {
    const unused = kept.findLastIndex((one) => !isUsed(one));
    kept.splice(unused === -1 ? kept.length - 1 : unused, 1);
  }
  return { secrets: [secret, ...kept], dropped: others.length - kept.length };
}

function split(list: string | undefined): readonly string[] {
  return (list ?? '').split(',').filter((secret) => secret !== '' && !secret.startsWith('@Microsoft.KeyVault('));
}

/** In one step, so that a process that dies leaves the old file or the new one; only its owner may read a new file. */
function writeSetting(file: string, setting: string, value: string): void {
  const isThere = existsSync(file);
  const content = isThere ? objectIn(readFileSync(file, 'utf8').replace(/^\uFEFF/, '')) : { IsEncrypted: false };
  const values = typeof content['Values'] === 'object' ? content['Values'] : { FUNCTIONS_WORKER_RUNTIME: 'node' };
  const text = `${JSON.stringify({ ...content, Values: { ...values, [setting]: value } }, undefined, 2)}\n`;
  const temporary = `${file}.${randomUUID()}.tmp`;
  writeFileSync(temporary, text, { mode: isThere ? statSync(file).mode & 0o777 : 0o600 });
  renameSync(temporary, file);
}

function objectIn(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>; // readLocalSettings has looked at its shape
  } catch (cause) {
    throw new LocalSettingsError('is not valid JSON', { cause });
  }
}
