import type { TestProject } from 'vitest/node';
import { nativeChecksums, startAzurite } from '../../tools/local/azurite.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Connection string of the run's Azurite; tests keep apart by container names. */
    storage: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const azurite = await startAzurite({ port: 0, inMemory: true, preload: nativeChecksums });
  project.provide('storage', azurite.connectionString);
  return () => azurite.stop();
}
