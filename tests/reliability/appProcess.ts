import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../support/until.ts';
import { type Served, serve } from '../tools/served.ts';
import { readVitals, type Vitals } from './vitals.ts';

/** The built app as a process of its own that tells how it is. */
export interface AppProcess {
  /** Without a slash at the end. */
  readonly url: string;
  readonly served: Served;
  /** Once a second since it has started. */
  vitals(): Vitals[];
  /** How it is after this was asked. */
  nextVitals(): Promise<Vitals>;
  stop(): Promise<void>;
}

export async function startAppProcess(settings: NodeJS.ProcessEnv): Promise<AppProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'app-'));
  const file = join(folder, 'vitals.jsonl');
  const served = await serve({
    LOG_LEVEL: 'DEBUG', // with whole ids
    ...settings,
    NODE_OPTIONS: `--import=${new URL('vitals.mjs', import.meta.url).href}`,
    VITALS_FILE: file,
  });
  const vitals = () => (existsSync(file) ? readVitals(readFileSync(file, 'utf8')) : []);
  return {
    url: served.url,
    served,
    vitals,
    nextVitals: () => {
      const known = vitals().length;
      return until(() => vitals()[known]);
    },
    stop: async () => {
      if (served.served.child.exitCode === null) await served.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
