import { readFileSync } from 'node:fs';
import { KEY_VAULT_REFERENCE } from '../../../src/lib/settings/settingProblems.ts';
import { readSettings } from '../../../src/lib/settings/settings.ts';
import { UsageError } from '../../command/errors.ts';

export type Settings = Readonly<Record<string, string>>;

/**
 * The settings in a file, or on standard input for `-`: what `az functionapp config appsettings list` prints, a
 * local.settings.json, or an object of names and values.
 *
 * @throws UsageError when it cannot be read or has another form.
 */
export function readSettingsFrom(file: string): Settings {
  return settingsOf(parse(readText(file)));
}

function readText(file: string): string {
  try {
    return readFileSync(file === '-' ? process.stdin.fd : file, 'utf8').replace(/^\uFEFF/, '');
  } catch (cause) {
    throw new UsageError(`${file === '-' ? 'Standard input' : file} cannot be read`, { cause });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new UsageError('The settings are not valid JSON', { cause });
  }
}

function settingsOf(content: unknown): Settings {
  const pairs = Array.isArray(content) ? content.map(pairOf) : Object.entries(valuesOf(content));
  const wrong = pairs.find(([name, value]) => typeof name !== 'string' || !isValue(value));
  if (wrong !== undefined) throw new UsageError(`${forms}: ${String(wrong[0])} is neither text nor a number`);
  return Object.fromEntries(pairs.map(([name, value]) => [name, value === null ? '' : String(value)]));
}

const forms = 'Expected the list that az prints, a local.settings.json, or an object of names and values';

function pairOf(entry: unknown): [unknown, unknown] {
  if (!isObject(entry)) throw new UsageError(forms);
  return [entry['name'], entry['value']];
}

function valuesOf(content: unknown): Readonly<Record<string, unknown>> {
  if (!isObject(content)) throw new UsageError(forms);
  if (content['IsEncrypted'] === true) throw new UsageError('The file is encrypted: run "func settings decrypt"');
  return isObject(content['Values']) ? content['Values'] : content;
}

const isValue = (value: unknown) => value === null || ['string', 'number', 'boolean'].includes(typeof value);

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Azure puts the secret in the place of a Key Vault reference before the app reads it. Here something well-formed does, so that
 * everything else can be checked; `unchecked` names what only Azure knows.
 */
export function resolveReferences(settings: Settings): { readonly settings: Settings; readonly unchecked: string[] } {
  const unchecked = Object.keys(settings).filter((name) => KEY_VAULT_REFERENCE.test(settings[name] ?? ''));
  const resolved = unchecked.map((name) => [name, standIns(name).find((value) => isTaken(name, value)) ?? '']);
  return { settings: { ...settings, ...Object.fromEntries(resolved) }, unchecked };
}

/** Two secrets are not the same because nobody knows them. */
const standIns = (name: string) => [`in-the-vault-${name}`, 'UseDevelopmentStorage=true', '{}'];

/** Whether the app takes this value for this setting, whatever else it needs. */
function isTaken(name: string, value: string): boolean {
  const { problems, preCallProblems, initiation, warnings } = readSettings({ [name]: value });
  return ![...problems, ...preCallProblems, ...initiation.problems, ...warnings].some(
    ({ setting }) => setting === name,
  );
}
