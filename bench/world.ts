import { startAzurite } from '../tools/local/azurite.ts';
import { type App, type AppName, startApp } from './apps.ts';
import { type Load, startLoad } from './load/load.ts';
import type { Row } from './row.ts';

/** What a room works with; everything in it is fresh, and ends with the room. */
export interface World {
  /** Few rounds, the rows that matter most, loose targets. */
  readonly isShort: boolean;
  /** Connection string of an Azurite in a process of its own. */
  readonly storage: string;
  readonly azuritePid: number;
  readonly load: Load;
  startApp(name: AppName): Promise<App>;
  /** Tells on stderr what is being measured. */
  say(progress: string): void;
}

/** One group of rows. */
export type Room = (world: World) => Promise<Row[]>;

/** Opens a world, measures in it, and ends all of its processes. */
export async function measureIn(room: Room, isShort: boolean, say: (progress: string) => void): Promise<Row[]> {
  const azurite = await startAzurite({
    port: 0,
    inMemory: true,
    preload: new URL('sameChecksum.ts', import.meta.url),
  });
  const load = startLoad();
  const apps: App[] = [];
  try {
    return await room({
      isShort,
      storage: azurite.connectionString,
      azuritePid: azurite.pid,
      load,
      say,
      startApp: async (name) => {
        const app = await startApp(name, azurite.connectionString);
        apps.push(app);
        return app;
      },
    });
  } finally {
    await Promise.all([...apps, load, azurite].map((each) => each.stop()));
  }
}
