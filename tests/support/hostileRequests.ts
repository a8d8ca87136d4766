import { WEBHOOK_PATH } from './context.ts';

/** A request that no sender of ours makes; the marker is what the caller would like to see in the log. */
export interface HostileRequest {
  readonly what: string;
  readonly head: readonly string[];
  readonly body?: string;
  readonly reason: string;
}

export const MARKER = 'chosen-by-a-stranger';

const UTF8 = Buffer.from('日').toString('latin1');
const query = (name: string, value: string) => `POST ${WEBHOOK_PATH}?${name}=${encodeURIComponent(value)} HTTP/1.1`;
const POST = `POST ${WEBHOOK_PATH} HTTP/1.1`;

/** Refused by every kind of host. */
export const refusedRequests: readonly HostileRequest[] = [
  {
    what: '?Headers= with a value over U+00FF',
    head: [query('Headers', `{"${MARKER}":"日"}`)],
    reason: 'headers_query',
  },
  { what: '?headers= with a value over U+00FF', head: [query('headers', '{"x":"日"}')], reason: 'headers_query' },
  {
    what: '?Headers= with an invalid name',
    head: [query('Headers', `{"a ${MARKER}":"c"}`)],
    reason: 'headers_query',
  },
  { what: '?Headers= with a line break', head: [query('Headers', `{"x":"a\\n${MARKER}"}`)], reason: 'headers_query' },
  { what: '?Headers= with a list', head: [query('Headers', '[1]')], reason: 'headers_query' },
  {
    what: 'a body with invalid headers',
    head: [POST],
    body: '{"Headers":{"a b":"c"}}',
    reason: 'headers_member',
  },
  { what: 'a body with headers over U+00FF', head: [POST], body: '{"headers":{"x":"日"}}', reason: 'headers_member' },
  { what: 'a port over 65535', head: [POST, 'Host: a:99999'], reason: 'host' },
  { what: 'a host with credentials', head: [POST, `Host: ${MARKER}:p@h`], reason: 'host' },
  { what: 'an invalid host', head: [POST, 'Host: ['], reason: 'host' },
  { what: 'a host of nothing', head: [POST, 'Host:'], reason: 'host' },
  { what: 'a header over U+00FF', head: [POST, `x-name: ${UTF8}`], reason: 'header_bytes' },
  { what: 'a header over U+007F', head: [POST, 'x-name: \u00ff'], reason: 'header_bytes' },
  { what: 'the health check with such a query', head: ['GET /health?Headers=[1] HTTP/1.1'], reason: 'headers_query' },
];

/** Values of `x-ms-invocation-id` that no host makes. */
export const foreignIds: readonly (readonly [what: string, headers: readonly string[]])[] = [
  ['error', ['x-ms-invocation-id: error']],
  ['newListener', ['x-ms-invocation-id: newListener']],
  ['removeListener', ['x-ms-invocation-id: removeListener']],
  ['__proto__', ['x-ms-invocation-id: __proto__']],
  ['constructor', ['x-ms-invocation-id: constructor']],
  ['nothing', ['x-ms-invocation-id:']],
  ['1', ['x-ms-invocation-id: 1']],
  [
    'two UUIDs',
    [
      'x-ms-invocation-id: 6dd2d9fa-31a5-4a8a-a2ba-ed8b1f8d8df1',
      'x-ms-invocation-id: 0f2d5c8e-8f1b-4a53-9e5f-0f8d2c3b4a59',
    ],
  ],
  ['a UUID in braces', ['x-ms-invocation-id: {6dd2d9fa-31a5-4a8a-a2ba-ed8b1f8d8df1}']],
];
