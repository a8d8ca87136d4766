import type { HostLine } from '../../tools/local/host/host.ts';

/** Enough to find what leaks; a test under load would only repeat it. */
const MOST = 2_000;
/** Log lines may hold these: ids, the kind of event, enumerations of lower-case words. */
const OPEN_KEY = /(^|_)id$|^type$|^format$/;
const OPEN_VALUE = /^[a-z_-]*$/;

const texts = new Set<string>();
const signatures = new Set<string>();

/** Remembers what a body says (its strings, cut to their beginnings) and how it is signed. JSON, broken JSON or a form. */
export function rememberDelivery(body: Uint8Array, signature: string | null): void {
  const text = Buffer.from(body.subarray(0, 65_536)).toString();
  const members = [...text.matchAll(/"([\w-]+)"\s*:\s*"((?:[^"\\]|\\.){4,48})/g)].map(([, key = '', value = '']) => ({
    key,
    value,
  }));
  const open = new Set(members.filter(({ key }) => OPEN_KEY.test(key)).map(({ value }) => value));
  for (const { value } of members) if (!open.has(value) && !OPEN_VALUE.test(value)) remember(value);
  for (const [v0] of signature?.matchAll(/[0-9a-f]{64}/gi) ?? []) signatures.add(v0);
}

/** Remembers secrets, API keys and keys of storage accounts. */
export function rememberSecrets(environment: Record<string, string | undefined>): void {
  for (const [name, value = ''] of Object.entries(environment)) {
    if (/SECRET|API_KEY/.test(name)) value.split(',').map(remember);
    remember(/AccountKey=([^;]+)/.exec(value)?.[1] ?? '');
  }
}

function remember(text: string): void {
  if (text.trim().length >= 4 && texts.size < MOST) texts.add(text.trim());
}

/** @throws when a line holds anything of what was remembered in this process. */
export function expectNothingConfidential(lines: readonly (HostLine | string)[]): void {
  const messages = lines.map((line) => (typeof line === 'string' ? line : line.message));
  const all = messages.join('\n');
  const said = [...texts].filter((text) => all.includes(text));
  const signed = (all.match(/\b[0-9a-f]{64}\b/gi) ?? []).filter((hex) => signatures.has(hex));
  const leaked = [...said, ...signed];
  if (leaked.length === 0) return;
  const examples = leaked.slice(0, 5).map((text) => `${text}\n  in: ${messages.find((line) => line.includes(text))}`);
  throw new Error(`${leaked.length} confidential texts were logged:\n${examples.join('\n')}`);
}
