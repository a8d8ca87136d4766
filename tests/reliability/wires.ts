import { inject } from 'vitest';
import type { Services } from '../../src/lib/services.ts';
import type { RetryBudget } from '../../src/lib/storage/blobStorage.ts';
import { openInstance, type PreCallApp } from '../support/preCallContext.ts';
import { startStorageWire, startTcpFaultProxy, type TcpFaultProxy } from './tcpFaultProxy.ts';

/** What the app is connected with. */
export type WireName = 'storage' | 'ElevenLabs' | 'sender';

/** An instance of the app all of whose connections lead over wires that can be spoiled. */
export interface WiredInstance {
  readonly services: Services;
  readonly wires: Readonly<Record<WireName, TcpFaultProxy>>;
  /** Its position among the app's instances. */
  readonly index: number;
  close(): Promise<void>;
}

const API_LIMITS = { connectMs: 500, headersMs: 700, cloneHeadersMs: 1_000, bodyMs: 700 };

export async function openWiredInstance(
  app: PreCallApp,
  settings: Record<string, string>,
  storageBudget: RetryBudget,
): Promise<WiredInstance> {
  const storage = await startStorageWire(inject('storage'));
  const elevenLabs = await startTcpFaultProxy(new URL(app.api.url));
  const sender = await startTcpFaultProxy(new URL(app.context.host.url));
  const services = openInstance(app, {
    settings: { ...settings, CallStorage: storage.connectionString },
    apiUrl: elevenLabs.url,
    limits: API_LIMITS,
    storageBudget,
  });
  const index = app.instances.push(services) - 1;
  const close = async () => {
    await Promise.all([storage.close(), elevenLabs.close(), sender.close()]);
    await services.preCall?.elevenLabs.close();
  };
  return { services, index, wires: { storage, ElevenLabs: elevenLabs, sender }, close };
}
