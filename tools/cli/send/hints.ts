import { commandLine } from '../../command/commandLine.ts';
import type { Answer } from './deliver.ts';
import { type Endpoint, paths } from './target.ts';

/** What to try when no connection came about, or one that does not speak HTTP. */
export function connectionHint(url: URL, error: unknown): string | undefined {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ECONNREFUSED') return `Nothing is listening at ${url.origin}. Is it running? ${commandLine('start')}`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return `The host ${url.hostname} does not exist. Is it spelled correctly?`;
  const speaksPlainText =
    code === 'EPROTO' || code === 'ERR_SSL_WRONG_VERSION_NUMBER' || /wrong version number/i.test(message);
  if (url.protocol === 'https:' && speaksPlainText) return `It does not speak TLS: --url http://${url.host}?`;
  if (
    url.protocol === 'http:' &&
    (code === 'ECONNRESET' || code === 'HPE_INVALID_CONSTANT' || /socket hang up/.test(message))
  )
    return `Perhaps it speaks TLS only: --url https://${url.hostname}?`;
  return undefined;
}

/** What to try when the answer is not the expected one; undefined when it says nothing about the command line. */
export function answerHint(url: URL, endpoint: Endpoint | undefined, { status, headers }: Answer): string | undefined {
  const right = endpoint === undefined ? undefined : paths[endpoint];
  const isElsewhere = right !== undefined && !url.pathname.endsWith(right);
  const isOtherWebhook = isElsewhere && Object.values(paths).some((path) => url.pathname.endsWith(path));
  if (isOtherWebhook || (isElsewhere && (status === 404 || status === 405)))
    return `The path is wrong, or not passed on: this event goes to ${url.origin}${right} (--url ${url.origin} is enough).`;
  if (status === 401 && endpoint === 'initiation')
    return 'The app has another INITIATION_SECRET: --secret, or its setting.';
  if (status === 401) return 'A 401 for a correct signature usually means that the app has another secret: --secret.';
  if (status >= 300 && status < 400) return redirectHint(url, URL.parse(String(headers.location), url.href));
  if (status !== 404 || right === undefined) return undefined;
  return `No app answers at ${url.pathname} there. Is ${url.host} the right one, and the app deployed?`;
}

function redirectHint(url: URL, target: URL | null): string {
  const wantsTls = url.protocol === 'http:' && target?.protocol === 'https:' && target.hostname === url.hostname;
  return wantsTls
    ? `It redirects to https: --url https://${target.host}`
    : 'Redirects are not followed, and ElevenLabs does not follow them either: --url must be the final address.';
}
