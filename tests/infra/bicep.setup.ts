import type { TestProject } from 'vitest/node';
import { findBicep } from '../../tools/maintain/bicep/findBicep.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The compiler's executable, or why there is none. */
    bicep: { readonly command: string } | { readonly missing: string };
  }
}

/** Once a run, because it may have to be fetched. */
export default async function setup(project: TestProject): Promise<void> {
  const found = await findBicep().then(
    (command) => ({ command }),
    ({ message }: Error) => ({ missing: message }),
  );
  if ('missing' in found) console.warn(`Skipped: what the Bicep compiler checks. ${found.missing}`);
  project.provide('bicep', found);
}
