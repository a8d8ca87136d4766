import type { IncomingMessage } from 'node:http';

/** Belong to one connection, not to the message (RFC 9110, section 7.6.1); `expect` is answered by the front server itself. */
const hopByHop = new Set([
  'connection',
  'expect',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** The headers that travel on with a message, also those that came several times. */
export function endToEnd({ headers, headersDistinct }: IncomingMessage): Record<string, string | string[]> {
  const named = new Set((headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase()));
  const kept: Record<string, string | string[]> = {};
  for (const [name, values = []] of Object.entries(headersDistinct)) {
    const [first = '', ...more] = values;
    if (!hopByHop.has(name) && !named.has(name)) kept[name] = more.length === 0 ? first : values;
  }
  return kept;
}

/** All headers of a request as one string each, as the host hands them to the app: repeated ones joined, and read as UTF-8. */
export function joinedHeaders(request: IncomingMessage): Record<string, string> {
  const joined = Object.entries(request.headersDistinct).map(([name, values = []]) => [name, asUtf8(values.join(','))]);
  return Object.fromEntries(joined) as Record<string, string>;
}

/** Node reads headers as Latin-1, Kestrel as UTF-8. */
function asUtf8(value: string): string {
  return /[\u0080-\u00ff]/.test(value) ? Buffer.from(value, 'latin1').toString('utf8') : value;
}

/**
 * Kestrel's limits (KestrelServerLimits.cs in dotnet/aspnetcore), and its refusal of two `Host` headers (RFC 9112, section 3.2): the
 * status with which it refuses, or undefined.
 */
export function refusedByServer({
  rawHeaders,
  headersDistinct,
  url = '',
}: IncomingMessage): 400 | 414 | 431 | undefined {
  if ((headersDistinct['host'] ?? []).length > 1) return 400;
  if (url.length > 8 * 1024) return 414;
  const bytes = rawHeaders.reduce((sum, text) => sum + text.length + 2, 0);
  return rawHeaders.length / 2 > 100 || bytes > 32 * 1024 ? 431 : undefined;
}
