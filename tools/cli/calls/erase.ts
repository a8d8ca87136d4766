import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { AgentNeeded } from '../../../src/lib/calls/agentsOfErasure.ts';
import { type Erased, eraseCalls, eraseDirectoryEntries } from '../../../src/lib/calls/eraseCalls.ts';
import { eraseLooseClones } from '../../../src/lib/calls/eraseClones.ts';
import type { EraseContext } from '../../../src/lib/calls/eraseContext.ts';
import { type Erasure, listErasures, readErasure } from '../../../src/lib/calls/erasureRecord.ts';
import type { ErasureRequest } from '../../../src/lib/calls/erasureRequest.ts';
import { type ErasurePlan, planErasure } from '../../../src/lib/calls/planErasure.ts';
import { callOf } from '../../../src/lib/preCall/context.ts';
import { Failure, UsageError } from '../../command/errors.ts';
import { fromUser } from '../../command/option.ts';
import { counted, note, paint, printJson } from '../../command/output.ts';
import { readOptionalKey } from '../operatorKey.ts';
import type { StorageAccess } from '../storageAccess.ts';
import { eraseContext } from './eraseContext.ts';
import { readNumber } from './filter.ts';
import type { CallValues } from './options.ts';
import { receiptOf } from './receipt.ts';

/** Shows what would be erased; with --yes erases it and writes a receipt. */
export async function eraseStored(
  access: StorageAccess,
  values: CallValues,
  conversationId: string | undefined,
): Promise<number> {
  if (values.resume) return resume(access, values);
  const isNeeded = values.elevenlabs && values.yes;
  const context = eraseContext(access, isNeeded ? await operatorKey(access) : undefined);
  const request = requestOf(access, values, conversationId);
  const { elevenLabs: client, work } = context;
  const elevenLabs = client && { client, call: callOf(work) };
  const plan = await planErasure({ ...context, elevenLabs, withConversation: values.elevenlabs }, request).catch(
    (error: unknown) => {
      throw error instanceof AgentNeeded ? new UsageError(`${error.message} --agent ID`) : error;
    },
  );
  if (isEmpty(plan)) {
    note('Nothing is stored of it, and nothing is left to do.');
    return 0;
  }
  for (const { conversation_id, agent_ids } of plan.erasures.filter(({ of_any_agent }) => of_any_agent)) {
    note(
      `Nothing is stored of ${conversation_id} yet: it is erased for ${agent_ids.length} agents and all that are new.`,
    );
  }
  if (access.isAzure) note('Deleting versions needs the role Storage Blob Data Owner.');
  if (!values.yes) return preview(access, plan, values);
  const erased = await eraseCalls(context, plan.erasures);
  const more = await eraseLoose(context, plan);
  return report(access, values, { ...erased, plan, ...more });
}

function requestOf(
  { settings }: StorageAccess,
  values: CallValues,
  conversationId: string | undefined,
): ErasureRequest {
  const given = [conversationId, values.caller, values.voice].filter((one) => one !== undefined);
  if (given.length !== 1)
    throw new UsageError('erase needs the id of a conversation, --caller, --voice or --resume: one of them');
  if (values.voice !== undefined) return { voiceId: values.voice };
  if (values.caller !== undefined) return { number: readNumber(values.caller, settings) };
  return { conversationId: conversationId ?? '', agentId: values.agent };
}

function isEmpty({ erasures, calls, voiceIds, callers }: ErasurePlan): boolean {
  return (
    calls.length + voiceIds.length + callers.length === 0 && erasures.every(({ finished_at }) => finished_at !== null)
  );
}

function preview({ name }: StorageAccess, plan: ErasurePlan, values: CallValues): number {
  const clones = new Set([...plan.voiceIds, ...plan.erasures.flatMap(({ voice_ids }) => voice_ids)]);
  const entries = new Set([...plan.callers, ...plan.erasures.flatMap(({ callers }) => callers)]);
  const blobs = plan.calls.flatMap((call) => call.blobs);
  if (values.json) {
    const conversations = plan.erasures.map(({ conversation_id, agent_ids }) => ({ conversation_id, agent_ids }));
    printJson({
      would_erase: {
        conversations,
        blobs: blobs.map(({ container, name: blob }) => `${container}/${blob}`),
        clones: [...clones],
        directory_entries: entries.size,
      },
    });
  } else {
    console.log(paint('bold', `Would be erased (${name}):`));
    for (const { conversation_id } of plan.erasures) console.log(`  call     ${conversation_id}`);
    for (const { container, name: blob } of blobs) console.log(`  blob     ${container}/${blob}`);
    for (const voice of clones) console.log(`  clone    ${voice}, at ElevenLabs`);
    if (entries.size > 0) console.log(`  caller   ${entries.size} in the directory of callers`);
    if (values.elevenlabs) console.log(`  and ${counted(plan.erasures.length, 'conversation')} at ElevenLabs`);
  }
  if (plan.withoutNumber > 0)
    note(`Not found by a number, because none is known: ${counted(plan.withoutNumber, 'call')}.`);
  note('Nothing was erased: --yes does it, for good.');
  return 0;
}

/** Clones and entries of the directory that belong to no call that is stored. */
async function eraseLoose(
  context: EraseContext,
  { voiceIds, callers }: ErasurePlan,
): Promise<{ looseVoicesLeft: string[] }> {
  await eraseDirectoryEntries(context, callers);
  return { looseVoicesLeft: await eraseLooseClones(context, voiceIds) };
}

/** Asked for where somebody can answer: the conversation at ElevenLabs is deleted with nothing else. */
function operatorKey({ settings }: StorageAccess): Promise<string> {
  return readOptionalKey('leaves the conversation at ElevenLabs', settings);
}

async function resume(access: StorageAccess, values: CallValues): Promise<number> {
  const area = { storage: access.storage, path: access.areas.state };
  const unfinished: Erasure[] = [];
  for await (const { conversationId, isFinished } of listErasures(area)) {
    const erasure = isFinished ? undefined : await readErasure(area, conversationId);
    if (erasure !== undefined) unfinished.push(erasure);
  }
  if (unfinished.length === 0) {
    note('Every erasure is finished.');
    return 0;
  }
  const isNeeded = unfinished.some(({ left }) => left.includes('conversation'));
  const context = eraseContext(access, isNeeded ? await operatorKey(access) : undefined);
  return report(access, values, { ...(await eraseCalls(context, unfinished)), looseVoicesLeft: [] });
}

interface Result extends Erased {
  readonly plan?: ErasurePlan;
  readonly looseVoicesLeft: readonly string[];
}

function report(access: StorageAccess, values: CallValues, result: Result): number {
  const receipt = receiptOf(access, { ...result, withoutNumber: result.plan?.withoutNumber ?? 0, at: new Date() });
  const file = values.receipt ?? fromUser(`erase-${receipt.erased_at.replace(/[:.]/g, '')}.json`);
  try {
    writeFileSync(file, `${JSON.stringify(receipt, undefined, 2)}\n`, { mode: 0o600 });
  } catch (cause) {
    printJson(receipt);
    throw new Failure('The receipt could not be written: it is above. What it says was done.', { cause });
  }
  if (values.json) printJson(receipt);
  else {
    const what = `${counted(result.erasures.length, 'call')}, ${counted(result.deletedBlobs, 'blob')}`;
    console.log(`${what} erased. Receipt: ${relative(fromUser('.'), file)}`);
  }
  for (const { conversationId, step, reason } of result.left) note(`left: ${step} of ${conversationId}: ${reason}`);
  for (const voice of result.looseVoicesLeft) note(`left: clone ${voice}`);
  return result.left.length + result.looseVoicesLeft.length === 0 ? 0 : 1;
}
