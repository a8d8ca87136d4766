import type { RpcData } from './coreApi.ts';

/** What the host's HTTP trigger makes binding data of. */
interface BindingSources {
  headers: Record<string, string>;
  target: string;
  params: Record<string, string>;
  /** Only of a request with a Content-Length. */
  body: Buffer | undefined;
}

/**
 * Headers, query, route parameters and the top-level members of a sized JSON body in one map, as the host sends them. Names are the
 * same in any case; a member of the query or the body named `headers` takes the place of all real headers there, so an app sees
 * such a request without its signature (HttpTriggerAttributeBindingProvider.cs in azure-webjobs-sdk-extensions).
 */
export function bindingData({ headers, target, params, body }: BindingSources): Record<string, RpcData> {
  const query = Object.fromEntries(new URLSearchParams(target.split('?').slice(1).join('?')));
  const known = new Map<string, [name: string, data: RpcData]>();
  const set = (name: string, data: RpcData) =>
    known.set(name.toLowerCase(), [known.get(name.toLowerCase())?.[0] ?? name, data]);
  const add = (name: string, data: RpcData) => known.has(name.toLowerCase()) || set(name, data);

  for (const [name, data] of membersOf(body)) set(name, data);
  for (const [name, value] of Object.entries({ ...query, ...params })) set(name, { string: value });
  add('Query', { json: JSON.stringify(query) });
  add('Headers', { json: JSON.stringify(headers) });
  return Object.fromEntries(known.values());
}

/** The host looks at the text alone, not at its content type; what it cannot parse, or is nested too deeply, has no members. */
function membersOf(body: Buffer | undefined): [name: string, data: RpcData][] {
  const text = body?.toString().trim() ?? '';
  if (!text.startsWith('{')) return [];
  try {
    return Object.entries(JSON.parse(text) as Record<string, unknown>)
      .filter(([, value]) => value !== null && !Array.isArray(value))
      .map(([name, value]) => [
        name,
        typeof value === 'object' ? { json: JSON.stringify(value) } : { string: String(value) },
      ]);
  } catch {
    return [];
  }
}
