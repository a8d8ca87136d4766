import type { BlobServiceClient } from '@azure/storage-blob';
import * as z from 'zod/mini';
import type { StoragePath } from '../../../src/lib/settings/storagePath.ts';
import { age } from './age.ts';
import type { Doctor } from './doctor.ts';
import { type Check, type Finding, failed, ok, Skip, warning } from './finding.ts';

const QUIET_MS = 48 * 3_600_000;
const SWEEP_MS = 30 * 60_000;
const RECONCILE_MS = 3 * 3_600_000;
const DAY_MS = 24 * 3_600_000;
const PAGE = 5_000;
const MOST_PAGES = 20;

const heartbeat = z.object({
  timers: z.record(
    z.string(),
    z.object({
      ended_at: z.string(),
      outcome: z.string(),
      failing: z.catch(z.array(z.string()), []),
      last_ok_at: z.nullish(z.string()),
    }),
  ),
});

export const storage: Check = {
  name: 'storage',
  look: async (doctor) => {
    const { blobs, path } = area(doctor, 'transcripts');
    try {
      await blobs.getContainerClient(path.container).getProperties({ abortSignal: AbortSignal.timeout(20_000) });
      return [ok(`the account answers, and has the container ${path.container}`)];
    } catch (error) {
      if ((error as { statusCode?: number }).statusCode !== 404) throw error;
      return [ok(`the account answers; the container ${path.container} comes with the first event`)];
    }
  },
};

export const lastEvent: Check = {
  name: 'last event',
  look: async (doctor) => {
    const all = [];
    for (const name of ['transcripts', 'audio', 'callFailures'] as const) all.push(await newestIn(area(doctor, name)));
    const newest = Math.max(...all.map(({ at }) => at ?? 0));
    const partly = all.some(({ isWhole }) => !isWhole) ? `, of the first ${PAGE * MOST_PAGES} of each kind` : '';
    if (newest === 0) return [warning('nothing is stored yet', 'Make a call.')];
    const since = doctor.context.now() - newest;
    const says = `stored ${age(since)} ago${partly}`;
    return [since > QUIET_MS ? warning(says, 'Does nobody call, or does nothing arrive? See webhook.') : ok(says)];
  },
};

interface Area {
  readonly blobs: BlobServiceClient;
  readonly path: StoragePath;
}

function area({ settings, context: { blobs } }: Doctor, name: 'transcripts' | 'audio' | 'callFailures'): Area {
  const path = settings.configuration.postCall?.paths[name];
  if (path === undefined) throw new Skip('the settings have problems', 'See settings.');
  if (blobs === undefined)
    throw new Skip('storage is not known here', 'With --azure and the role Storage Blob Data Reader.');
  return { blobs, path };
}

async function newestIn({ blobs, path }: Area): Promise<{ at: number | undefined; isWhole: boolean }> {
  let at: number | undefined;
  let pages = 0;
  try {
    const listing = blobs.getContainerClient(path.container).listBlobsFlat({ prefix: path.prefix });
    for await (const { segment } of listing.byPage({ maxPageSize: PAGE })) {
      for (const { properties } of segment.blobItems) at = Math.max(at ?? 0, properties.lastModified.getTime());
      pages += 1;
      if (pages === MOST_PAGES) return { at, isWhole: false };
    }
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode !== 404) throw error;
  }
  return { at, isWhole: true };
}

export const sweep: Check = {
  name: 'sweep',
  look: async (doctor) => {
    const { values, configuration } = doctor.settings;
    const isUsual = (values['SWEEP_SCHEDULE'] ?? '') === '';
    return timer('sweep', await readHeartbeat(doctor), {
      now: doctor.context.now(),
      limitMs: isUsual ? SWEEP_MS : DAY_MS,
      schedule: configuration.sweepSchedule,
    });
  },
};

export const reconciliation: Check = {
  name: 'reconciliation',
  look: async (doctor) => {
    const { reconciliation: configured, reconcileSchedule: schedule } = doctor.settings.configuration;
    if (!configured.isEnabled) return [ok('is off (ENABLE_RECONCILIATION): what is lost on its way stays lost')];
    if (configured.problems.length > 0) {
      const names = configured.problems.map(({ setting }) => setting).join(', ');
      return [warning(`is not configured: ${names}`, 'docs/reconcile.md; until then it fetches nothing.')];
    }
    return timer('reconcile', await readHeartbeat(doctor), {
      now: doctor.context.now(),
      limitMs: RECONCILE_MS,
      schedule,
    });
  },
};

type Timers = z.infer<typeof heartbeat>['timers'];

interface Expected {
  readonly now: number;
  readonly limitMs: number;
  /** NCRONTAB. */
  readonly schedule: string;
}

function timer(name: string, timers: Timers, { now, limitMs, schedule }: Expected): Finding[] {
  const run = timers[name];
  if (run === undefined) {
    const todo = `It runs at ${schedule}, and not before. Is the app running, and its timer not disabled?`;
    return [warning('has not run yet', todo)];
  }
  const since = now - Date.parse(run.ended_at);
  if (run.outcome !== 'ok') {
    const good = run.last_ok_at ? `; the last good run was ${age(now - Date.parse(run.last_ok_at))} ago` : '';
    return [
      failed(`failed ${age(since)} ago at ${run.failing.join(', ')}${good}`, 'The log of the app has the reason.'),
    ];
  }
  const says = `ran well ${age(since)} ago`;
  return [since > limitMs ? failed(says, 'Its timer has stopped: is the app running?') : ok(says)];
}

async function readHeartbeat(doctor: Doctor): Promise<Timers> {
  const { blobs } = area(doctor, 'transcripts');
  const path = doctor.settings.configuration.state?.path;
  if (path === undefined) throw new Skip('STATE_STORAGE_PATH has a problem', 'See settings.');
  const blob = blobs.getContainerClient(path.container).getBlobClient(`${path.prefix}heartbeat.json`);
  try {
    return heartbeat.parse(JSON.parse((await blob.downloadToBuffer()).toString())).timers;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return {};
    throw error;
  }
}
