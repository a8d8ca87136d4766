import type { HostLine } from '../../local/host/host.ts';
import { type RunningPage, startPage } from '../calls/page/server.ts';
import type { Storage } from './storage.ts';

/** The page of the calls beside the app, for its local storage. */
export interface CallsPage extends Pick<RunningPage, 'url' | 'close'> {
  /** A line of the app's log: a delivery is on the page at once. */
  read(line: HostLine): void;
}

/** Undefined for the storage of another machine: `calls page` opens that, with the operator's own sign-in. */
export async function startCallsPage(storage: Storage): Promise<CallsPage | undefined> {
  if (!storage.isLocal) return undefined;
  const page = await startPage({
    port: undefined,
    open: async () => {
      // Not above: the library for storage is loaded when somebody opens the page.
      const [{ openStorage }, { pageContext }] = await Promise.all([
        import('../storageAccess.ts'),
        import('../calls/page/context.ts'),
      ]);
      const values = { azure: false, account: undefined, 'storage-port': storage.port };
      return pageContext(await openStorage(values, 'Storage Blob Data Contributor'), {});
    },
    onBug: console.error,
  });
  return {
    url: page.url,
    close: page.close,
    read: ({ message }) => {
      const call = callIn(message);
      if (call !== undefined) page.hear(call);
    },
  };
}

/** The call of which a line of the log says that something was stored. */
function callIn(message: string): { agentId: string; conversationId: string } | undefined {
  if (!message.startsWith('{') || !message.includes('"blob"')) return undefined;
  const line = parse(message);
  if (line?.['message'] !== 'delivery') return undefined;
  const { conversation, agent } = line;
  return typeof conversation === 'string' && typeof agent === 'string'
    ? { agentId: agent, conversationId: conversation }
    : undefined;
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // not one of the app's own
  }
}
