import { UsageError } from '../../command/errors.ts';
import { type Endpoint, paths, readTarget, type Target } from '../send/target.ts';

const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]']);

/** @throws UsageError for an address to which ElevenLabs could not, or should not, send calls. */
export function readConnectTarget(address: string | undefined, endpoint: Endpoint = 'postCall'): Target {
  if (address === undefined) throw new UsageError('--url is needed: https://<app>');
  const target = readTarget(address, endpoint);
  if (target.webhook.pathname.endsWith(paths.preCall)) {
    throw new UsageError('--url: ElevenLabs does not send to the endpoint before the call');
  }
  const isOther = Object.values(paths).some(
    (path) => path !== paths[endpoint] && target.webhook.pathname.endsWith(path),
  );
  if (isOther) {
    throw new UsageError(
      '--url: that is another webhook; the base address is enough, and --initiation tells the two apart',
    );
  }
  const { protocol, username, password, search, hash } = target.webhook;
  if (protocol !== 'https:' && !isLoopback(target.webhook)) throw new UsageError('--url: ElevenLabs takes https only');
  if (username + password + search + hash !== '') {
    throw new UsageError('--url: an address without user, password, query or fragment');
  }
  return target;
}

export function isLoopback({ hostname }: URL): boolean {
  return LOOPBACK.has(hostname);
}
