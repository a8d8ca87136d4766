import { nativeChecksums, startAzurite } from '../tools/local/azurite.ts';
import { type App, type AppName, startApp } from './apps.ts';
import { type Load, startLoad } from './load/load.ts';
import type { Row } from './row.ts';

/** What a group of rows is measured with: all of it is fresh, and ends with the group. */
export interface Context {
  /** Few rounds, the rows that matter most, loose targets. */
  readonly isShort: boolean;
  /** Connection string of an Azurite in a process of its own. */
  readonly storage: string;
  readonly azuritePid: number;
  readonly load: Load;
  startApp(name: AppName): Promise<App>;
  /** Several at once, which takes less time. */
  startApps<const Name extends AppName>(...names: Name[]): Promise<Record<Name, App>>;
  /** Tells on stderr what is being measured. */
  say(progress: string): void;
}

/** One group of rows. */
export type Group = (context: Context) => Promise<Row[]>;

/** Opens a context, measures in it, and ends all of its processes. */
export async function measureIn(group: Group, isShort: boolean, say: (progress: string) => void): Promise<Row[]> {
  const azurite = await startAzurite({ port: 0, inMemory: true, preload: nativeChecksums });
  const load = startLoad();
  const apps: App[] = [];
  const startOne = async (name: AppName) => {
    const app = await startApp(name, azurite.connectionString);
    apps.push(app);
    return app;
  };
  try {
    return await group({
      isShort,
      storage: azurite.connectionString,
      azuritePid: azurite.pid,
      load,
      say,
      startApp: startOne,
      startApps: async <Name extends AppName>(...names: Name[]) => {
        const started = await Promise.all(names.map(async (name) => [name, await startOne(name)] as const));
        return Object.fromEntries(started) as Record<Name, App>; // each of the names
      },
    });
  } finally {
    await Promise.all([...apps, load, azurite].map((each) => each.stop()));
  }
}
