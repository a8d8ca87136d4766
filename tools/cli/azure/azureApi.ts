import { setTimeout as sleep } from 'node:timers/promises';
import { AzureError } from './azureError.ts';

/** Where Azure is and who asks. Only tests have other addresses than {@link azureOf}. */
export interface AzureAddresses {
  /** Without a slash at the end. */
  readonly management: string;
  readonly vault: (name: string) => string;
  /** A bearer token for a scope, of the operator's own sign-in. */
  readonly token: (scope: string) => Promise<string>;
}

/** A function app, as far as it matters here. */
export interface Site {
  /** `/subscriptions/…/providers/Microsoft.Web/sites/NAME`. */
  readonly id: string;
  readonly name: string;
}

interface Request {
  readonly method: 'GET' | 'PUT' | 'POST';
  readonly url: string;
  readonly scope: string;
  readonly json?: unknown;
  /** What somebody who is refused has to have. */
  readonly role: string;
}

const MANAGEMENT_SCOPE = 'https://management.azure.com/.default';
const VAULT_SCOPE = 'https://vault.azure.net/.default';
const LIMIT_MS = 60_000;
const TRIES = 3;
const LONGEST_WAIT_SECONDS = 20;
const MAX_PAGES = 50;

/** The public cloud with `DefaultAzureCredential`: `az login`, `azd auth login`, a managed identity. */
export async function azureOf(): Promise<AzureAddresses> {
  const { DefaultAzureCredential } = await import('@azure/identity');
  const credential = new DefaultAzureCredential();
  return {
    management: 'https://management.azure.com',
    vault: (name) => `https://${name}.vault.azure.net`,
    token: async (scope) => {
      try {
        return (await credential.getToken(scope)).token;
      } catch (cause) {
        throw new AzureError('Nobody is signed in to Azure: az login (or azd auth login).', { cause });
      }
    },
  };
}

/**
 * What `connect` and `doctor` need of Azure: one secret of a vault, and a function app by its host name. Plain REST:
 * https://learn.microsoft.com/rest/api/keyvault/secrets, https://learn.microsoft.com/rest/api/appservice/web-apps.
 */
export class AzureApi {
  readonly #azure: AzureAddresses;

  constructor(azure: AzureAddresses) {
    this.#azure = azure;
  }

  /** The secret as it is now; undefined when the vault has none of that name. */
  async getSecret(vault: string, name: string): Promise<string | undefined> {
    const role = 'Key Vault Secrets User';
    const url = this.#secretUrl(vault, name);
    try {
      const { value } = await this.#ask({ method: 'GET', url, scope: VAULT_SCOPE, role });
      return typeof value === 'string' ? value : undefined;
    } catch (error) {
      if (error instanceof AzureError && error.status === 404) return undefined;
      throw error;
    }
  }

  /** Writes a new version; the older ones stay in the vault. */
  async setSecret(vault: string, name: string, value: string): Promise<void> {
    const role = 'Key Vault Secrets Officer';
    const url = this.#secretUrl(vault, name);
    await this.#ask({ method: 'PUT', url, scope: VAULT_SCOPE, json: { value }, role });
  }

  /** The function app that answers at a host name, a custom one included; undefined when the sign-in sees none. */
  async findSite(hostName: string): Promise<Site | undefined> {
    const wanted = hostName.toLowerCase();
    for await (const subscription of this.#list('/subscriptions?api-version=2022-12-01')) {
      const sites = `/subscriptions/${subscription['subscriptionId']}/providers/Microsoft.Web/sites?api-version=2024-11-01`;
      for await (const { id, name, properties } of this.#list(sites)) {
        const { hostNames, defaultHostName } = objectOf(properties);
        const names = [defaultHostName, ...(Array.isArray(hostNames) ? hostNames : [])].map((one) =>
          String(one).toLowerCase(),
        );
        if (names.includes(wanted)) return { id: String(id), name: String(name) };
      }
    }
    return undefined;
  }

  /** Makes the platform read the vault again; without it that takes up to a day. */
  async refreshReferences({ id }: Site): Promise<void> {
    await this.#manage('POST', `${id}/config/configreferences/appsettings/refresh?api-version=2022-03-01`);
  }

  /** Ends the instances, and so the deliveries under way. */
  async restart({ id }: Site): Promise<void> {
    await this.#manage('POST', `${id}/restart?api-version=2024-11-01`);
  }

  /** The app's settings by name; a reference to the vault as it stands there. */
  async getAppSettings({ id }: Site): Promise<Record<string, string>> {
    const { properties } = await this.#manage('POST', `${id}/config/appsettings/list?api-version=2024-11-01`);
    return Object.fromEntries(Object.entries(objectOf(properties)).map(([name, value]) => [name, String(value)]));
  }

  /** The addresses that may call the app, as ranges; undefined when everybody may. */
  async getCallers({ id }: Site): Promise<readonly string[] | undefined> {
    const { properties } = await this.#manage('GET', `${id}/config/web?api-version=2024-11-01`, 'Reader');
    const { ipSecurityRestrictions: rules, ipSecurityRestrictionsDefaultAction: fallback } = objectOf(properties);
    const all = (Array.isArray(rules) ? rules : []).map(objectOf);
    const allowed = all.filter(({ action }) => action === 'Allow').map(({ ipAddress }) => String(ipAddress));
    const isOpen = fallback === 'Allow' || allowed.some((range) => range === 'Any' || range === '0.0.0.0/0');
    return all.length === 0 || (isOpen && !all.some(({ action }) => action === 'Deny')) ? undefined : allowed;
  }

  /** How many instances for HTTP are always running. */
  async getAlwaysReady({ id }: Site): Promise<number> {
    const { properties } = await this.#manage('GET', `${id}?api-version=2024-11-01`, 'Reader');
    const { scaleAndConcurrency } = objectOf(objectOf(properties)['functionAppConfig']);
    const { alwaysReady } = objectOf(scaleAndConcurrency);
    const groups = (Array.isArray(alwaysReady) ? alwaysReady : []).map(objectOf);
    return Number(groups.find(({ name }) => name === 'http')?.['instanceCount'] ?? 0);
  }

  async *#list(path: string): AsyncGenerator<Record<string, unknown>> {
    let url: string | undefined = `${this.#azure.management}${path}`;
    for (let pages = 0; url !== undefined && pages < MAX_PAGES; pages++) {
      const page: Record<string, unknown> = await this.#ask({
        method: 'GET',
        url,
        scope: MANAGEMENT_SCOPE,
        role: 'Reader',
      });
      for (const entry of Array.isArray(page['value']) ? page['value'] : []) yield objectOf(entry);
      const next: unknown = page['nextLink'];
      // The token goes along: nowhere else than to the same host.
      url = typeof next === 'string' && next.startsWith(`${this.#azure.management}/`) ? next : undefined;
    }
  }

  #manage(method: 'GET' | 'POST', path: string, role = 'Website Contributor'): Promise<Record<string, unknown>> {
    return this.#ask({ method, url: this.#azure.management + path, scope: MANAGEMENT_SCOPE, role });
  }

  #secretUrl(vault: string, name: string): string {
    return `${this.#azure.vault(vault)}/secrets/${name}?api-version=7.4`;
  }

  async #ask(request: Request): Promise<Record<string, unknown>> {
    for (let tries = 1; ; tries++) {
      const answer = await this.#send(request).catch((cause: unknown) => {
        if (cause instanceof AzureError) throw cause;
        return cause instanceof Error ? cause : new Error('no answer');
      });
      const isPassing = answer instanceof Error || answer.status === 429 || answer.status >= 500;
      if (!isPassing || tries === TRIES) return readAnswer(request, answer);
      const wanted = answer instanceof Error ? Number.NaN : Number(answer.headers.get('retry-after'));
      await sleep(Math.min(LONGEST_WAIT_SECONDS, wanted > 0 ? wanted : tries) * 1000);
    }
  }

  async #send({ method, url, scope, json }: Request): Promise<Response> {
    const headers = { authorization: `Bearer ${await this.#azure.token(scope)}`, 'content-type': 'application/json' };
    const body = json === undefined ? (method === 'GET' ? null : '') : JSON.stringify(json);
    return fetch(url, { method, headers, body, redirect: 'manual', signal: AbortSignal.timeout(LIMIT_MS) });
  }
}

/** Nothing of the answer's text gets into an error: it may repeat what was sent. */
async function readAnswer({ method, url, role }: Request, answer: Response | Error): Promise<Record<string, unknown>> {
  const { host, pathname } = new URL(url);
  const operation = `${method} ${host}${pathname}`;
  if (answer instanceof Error) throw new AzureError(`No answer to ${operation}.`, { cause: answer });
  const { status } = answer;
  if (status === 401 || status === 403) {
    const what = `Azure answered ${status} to ${operation}: it takes the role ${role}, which may need some minutes after it was given, and for a private vault its network.`;
    throw new AzureError(what, { status, role });
  }
  if (status < 200 || status >= 300) throw new AzureError(`Azure answered ${status} to ${operation}.`, { status });
  const text = await answer.text();
  try {
    return objectOf(text === '' ? {} : JSON.parse(text));
  } catch (cause) {
    throw new AzureError(`Azure's answer to ${operation} is not valid JSON.`, { status, cause });
  }
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}
