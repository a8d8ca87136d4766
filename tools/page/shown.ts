import { useEffect, useState } from 'preact/hooks';

/** What is shown beside the list, by the address: `#/calls/agent/conversation`, `#/quarantine`. */
export type Shown =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'quarantine' }
  | { readonly kind: 'call'; readonly agentId: string; readonly conversationId: string };

export function useShown(): Shown {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const take = () => setHash(location.hash);
    addEventListener('hashchange', take);
    return () => removeEventListener('hashchange', take);
  }, []);
  return shownBy(hash);
}

/** The address of a call. @param key `agent/conversation`. */
export function callHash(key: string): string {
  return `#/calls/${key}`;
}

function shownBy(hash: string): Shown {
  if (hash === '#/quarantine') return { kind: 'quarantine' };
  const [, agentId, conversationId] = /^#\/calls\/([\w-]+)\/([\w-]+)$/.exec(hash) ?? [];
  if (agentId === undefined || conversationId === undefined) return { kind: 'nothing' };
  return { kind: 'call', agentId, conversationId };
}
