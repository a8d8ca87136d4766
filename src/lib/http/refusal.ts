import type { IncomingMessage } from 'node:http';
import { RequestError } from '../errors.ts';
import type { RpcData } from './coreApi.ts';

const UUID = /^[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}$/i;
const NOT_ASCII = /[\u0080-\uffff]/;
/** A JSON object of plain headers: what nearly every request has, and what need not be parsed to see that it makes headers. */
const PLAIN_HEADERS = /^\{(?:"[\w-]+":"[\w !#-[\]-~]*",?)*\}$/;

/** Whether it is an invocation id as the host makes them. */
export function isInvocationId(value: unknown): value is string {
  return typeof value === 'string' && UUID.test(value);
}

/**
 * Why the library, or the host, could not take a request: undefined for nearly all. The library makes a URL of the host that
 * the caller named, and throws when that is not valid; the host's own forwarder refuses header characters that are not ASCII, and the
 * library those over U+00FF.
 */
export function refusalOf({ headers, rawHeaders, url }: IncomingMessage): RequestError | undefined {
  const { 'x-forwarded-proto': scheme, 'x-forwarded-host': host } = headers;
  if (!scheme || !host || !makesUrl(`${scheme}://${host}${url}`)) return new RequestError('host');
  if (rawHeaders.some((text) => NOT_ASCII.test(text))) return new RequestError('header_bytes');
  return undefined;
}

/**
 * Why the library would throw on what it is told of the headers: a query member, or a member of a JSON body with a
 * Content-Length, named `headers` takes the place of the real ones there
 * (HttpTriggerAttributeBindingProvider.cs in azure-webjobs-sdk-extensions), and its values may make no header.
 */
export function refusalOfMetadata(metadata: Readonly<Record<string, RpcData>>): RequestError | undefined {
  for (const name in metadata) {
    if (name.length !== 7 || name.toLowerCase() !== 'headers') continue;
    const { string, json } = metadata[name] as RpcData;
    const text = string ?? json ?? '';
    if (!PLAIN_HEADERS.test(text) && !makesHeaders(text))
      return new RequestError(typeof string === 'string' ? 'headers_query' : 'headers_member');
  }
  return undefined;
}

/** The library reads them in the same way; text that is not a JSON object means no headers at all. */
function makesHeaders(text: string): boolean {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return true;
  }
  if (typeof value !== 'object' || value === null) return true;
  try {
    new Headers(value as Record<string, string>);
    return true;
  } catch {
    return false;
  }
}

/** As the Fetch standard asks it of the URL of a request: it can be parsed, and has no credentials. */
function makesUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { username, password } = new URL(text);
  return username === '' && password === '';
}
