// npm run reconcile: fetches from ElevenLabs what no webhook has brought, for an operator who does not wait for the timer.
import { randomUUID } from 'node:crypto';
import { ConversationsApi } from '../../src/lib/elevenlabs/conversations.ts';
import { ElevenLabsError } from '../../src/lib/elevenlabs/errors.ts';
import { idSchema } from '../../src/lib/ids.ts';
import { backfill } from '../../src/lib/reconcile/backfill.ts';
import type { ReconcileContext } from '../../src/lib/reconcile/context.ts';
import { type Finding, reasonOf } from '../../src/lib/reconcile/finding.ts';
import { readReconcileSettings } from '../../src/lib/settings/reconcileSettings.ts';
import { boolean } from '../../src/lib/settings/settingFields.ts';
import { BlockPool } from '../../src/lib/storage/blockPool.ts';
import { upkeep } from '../../src/lib/storage/proof.ts';
import { StateStore } from '../../src/lib/storage/stateStore.ts';
import { Failure, UsageError } from '../command/errors.ts';
import { flag, json, text } from '../command/option.ts';
import { counted, printJson, progress } from '../command/output.ts';
import { runCommand } from '../command/run.ts';
import { readTime } from './calls/times.ts';
import { asJson, exitCodeOf, type Result, report } from './reconcile/report.ts';
import { openStorage, type StorageAccess, storageOptions } from './storageAccess.ts';

/** Two blocks for the recording that is being fetched. */
const BLOCKS = 2;
const DAY_MS = 86_400_000;

await runCommand({
  name: 'reconcile',
  options: {
    since: text('TIME', 'calls that began then (UTC) or later: yesterday, 7d, 2026-11-20; else RECONCILE_DAYS ago'),
    agent: text('ID', 'only calls of this agent; else those of RECONCILE_AGENT_IDS, or of which something is stored'),
    conversation: text('ID', 'only this call'),
    'dry-run': flag('says what is missing and fetches nothing'),
    yes: flag('also what is older than RECONCILE_DAYS, although retention may have deleted it on purpose'),
    ...storageOptions,
    json,
  },
  details: `Needs ELEVENLABS_API_KEY with the permission convai_read. With --azure and --account it works on that account with your
own sign-in; the key still comes from the environment.

The exit code is 1 when something is lost, has failed, or was only named.`,
  async run({ values }) {
    const since = values.since === undefined ? undefined : readSince(values.since);
    const agentIds = values.agent === undefined ? undefined : [readId('agent', values.agent)];
    const conversationIds =
      values.conversation === undefined ? undefined : [readId('conversation', values.conversation)];
    const access = await openStorage(values, 'Storage Blob Data Contributor');
    const context = contextOf(access);
    const result: Result = { findings: [], tally: undefined, since, days: context.settings.days };
    const onFinding = (finding: Finding) => {
      result.findings.push(finding);
      if (values.json) printJson(asJson(finding));
    };
    const run = { id: randomUUID(), signal: new AbortController().signal, msLeft: () => Number.POSITIVE_INFINITY };
    try {
      result.tally = await backfill(context, run, {
        sinceSeconds: since === undefined ? undefined : since.getTime() / 1000,
        agentIds,
        conversationIds,
        isDryRun: values['dry-run'],
        includesOlder: values.yes && (since !== undefined || values.conversation !== undefined),
        onFinding,
        onProgress: ({ listed }) =>
          progress(`${counted(listed, 'call')} looked at, ${counted(result.findings.length, 'finding')}`),
      });
    } catch (error) {
      throw explained(error, access);
    } finally {
      progress('');
      await context.api.close();
    }
    if (values.json) printJson({ summary: report(result).summary });
    else console.log(report(result).text);
    return exitCodeOf(result);
  },
});

function contextOf({ storage, areas, settings, isAzure }: StorageAccess): ReconcileContext & { api: ConversationsApi } {
  const known = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined && value !== ''));
  const configuration = readReconcileSettings(known, areas.state);
  if (configuration.settings === undefined) {
    const said = configuration.problems.map(({ setting, message }) => `setting ${setting} ${message}`);
    throw new Failure(said.join('\n'));
  }
  const isOn = (name: string, fallback: boolean) => boolean(fallback).safeParse(known[name]).data ?? fallback;
  return {
    settings: configuration.settings,
    storage,
    store: {
      pool: new BlockPool(BLOCKS),
      paths: areas,
      storesTranscripts: isOn('ENABLE_TRANSCRIPT_STORAGE', true),
      storesAudio: isOn('ENABLE_AUDIO_STORAGE', isAzure), // the template switches it on, and azd's environment does not say so
    },
    state: new StateStore(upkeep(), storage, areas.state),
    api: new ConversationsApi(configuration.settings.elevenLabs),
    now: Date.now,
  };
}

function readSince(given: string): Date {
  const time = readTime(given, { isUtc: true, now: Date.now() });
  if (time > Date.now() + DAY_MS) throw new UsageError(`--since: ${given} is still to come`);
  return new Date(time);
}

function readId(option: string, given: string): string {
  const id = idSchema.safeParse(given).data;
  if (id === undefined) throw new UsageError(`--${option}: "${given}" is not an id`);
  return id;
}

function explained(error: unknown, access: StorageAccess): unknown {
  if (error instanceof ElevenLabsError) return new Failure(reasonOf(error).hint, { cause: error });
  return access.explained(error);
}
