import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { TcpLink, type Wire } from './tcpLink.ts';

/** A hop on TCP that knows no HTTP but where a request begins. It spoils connections on demand. */
export interface TcpFaultProxy extends Wire {
  readonly port: number;
  /** Without a slash at the end. */
  readonly url: string;
  close(): Promise<void>;
}

export async function startTcpFaultProxy(upstream: URL): Promise<TcpFaultProxy> {
  const links = new Set<TcpLink>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const link = new TcpLink(client, upstream, proxy);
    links.add(link);
    client.once('close', () => link.isOver && links.delete(link));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // of a server on TCP
  const proxy: TcpFaultProxy = {
    port,
    url: `http://127.0.0.1:${port}`,
    exchanges: [],
    onConnect: () => undefined,
    onExchange: () => undefined,
    close: async () => {
      server.close();
      for (const link of links) link.drop();
      await once(server, 'close');
    },
  };
  return proxy;
}

/** The same in front of Azurite, and the connection string that leads through it. */
export async function startStorageWire(
  connectionString: string,
): Promise<TcpFaultProxy & { readonly connectionString: string }> {
  const upstream = new URL(/BlobEndpoint=([^;]+)/.exec(connectionString)?.[1] ?? '');
  const proxy = await startTcpFaultProxy(upstream);
  return Object.assign(proxy, { connectionString: connectionString.replace(upstream.host, `127.0.0.1:${proxy.port}`) });
}
