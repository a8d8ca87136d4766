import type { Readable } from 'node:stream';
import type { Lookup } from '../callers/directory.ts';
import { type AgentRecord, isValid } from './agentRecord.ts';
import { type ComposedAnswer, composeAnswer } from './answer.ts';
import { type Call, type CallProblem, readCall, type UnusableCall } from './call.ts';
import type { InitiationContext } from './context.ts';
import type { KnownAgent, KnownAgents } from './knownAgents.ts';

/** Why a call gets the default: its body, storage, the deadline, or the settings of the directory. */
type DefaultReason = CallProblem | 'storage_unavailable' | 'no_directory';

/** `stale`: what is known of it is too old to count. */
type AgentState = 'known' | 'stale' | 'unknown' | 'late' | 'unavailable';

/** An answer, and what the log says of it. */
export interface Prepared extends ComposedAnswer {
  readonly outcome: 'known' | 'unknown' | 'default';
  /** Of a default. */
  readonly reason: DefaultReason | undefined;
  readonly agentId: string | undefined;
  readonly conversationId: string | undefined;
  /** Undefined when nobody knows which agent it is about. */
  readonly agentState: AgentState | undefined;
  /** Entries of the directory that are there and could not be used. */
  readonly unusable: readonly { readonly hash: string; readonly reason: string }[];
}

/**
 * The answer to one question about a call: who calls and what the agent allows are looked up at once, and what has not come
 * when `deadline` fires is left out. Nothing else is waited for.
 *
 * @throws {BodyError} 413.
 */
export async function prepareAnswer(
  context: InitiationContext,
  body: Readable | null,
  deadline: AbortSignal,
): Promise<Prepared> {
  const call = await readCall(body, deadline);
  const answered = new AbortController();
  const lookUp = { deadline, answered: answered.signal };
  try {
    const [caller, agent] = await Promise.all([
      'problem' in call ? call.problem : findCaller(context, call, deadline),
      call.agentId === undefined ? undefined : findAgent(context, call.agentId, lookUp),
    ]);
    return combine(context, call, caller, agent);
  } finally {
    answered.abort();
  }
}

async function findCaller(
  { callers }: InitiationContext,
  { numbers, agentId }: Call,
  deadline: AbortSignal,
): Promise<Lookup | DefaultReason> {
  if (callers === undefined) return 'no_directory';
  return byDeadline(callers.find(numbers, agentId, deadline), deadline, 'storage_unavailable');
}

interface FoundAgent {
  readonly state: AgentState;
  /** Also when it is too old for overrides: a variable too many does no harm. */
  readonly record: AgentRecord | undefined;
}

async function findAgent(
  { agents, now }: InitiationContext,
  agentId: string,
  { deadline, answered }: { readonly deadline: AbortSignal; readonly answered: AbortSignal },
): Promise<FoundAgent> {
  if (agents === undefined) return { state: 'unavailable', record: undefined };
  const known = await byDeadline(agents.read(agentId, deadline), deadline, 'unavailable');
  if (known === 'late' || known === 'unavailable') return { state: known, record: agents.remembered(agentId) };
  aside(agents, agentId, known, answered);
  if (known === undefined) return { state: 'unknown', record: undefined };
  return { state: isValid(known.value, now()) ? 'known' : 'stale', record: known.value };
}

/** What is good for the next calls; whoever is late with it, the sweep brings it. */
function aside(agents: KnownAgents, agentId: string, known: KnownAgent, answered: AbortSignal): void {
  agents.noteSeen(agentId, known).catch(() => {});
  agents.refresh(agentId, known, answered).catch(() => {});
}

function combine(
  { settings }: InitiationContext,
  call: Call | UnusableCall,
  caller: Lookup | DefaultReason,
  agent: FoundAgent | undefined,
): Prepared {
  const lookup = typeof caller === 'string' ? undefined : caller;
  const record = lookup?.isKnown ? lookup.record : undefined;
  const outcome = lookup === undefined ? 'default' : lookup.isKnown ? 'known' : 'unknown';
  const composed = composeAnswer({
    callerKnown: CALLER_KNOWN[outcome],
    record,
    variables: settings.variables,
    demands: agent?.record?.demands ?? [],
    allows: agent?.state === 'known' ? (agent.record?.allows ?? []) : [],
  });
  const misses = lookup === undefined || lookup.isKnown ? [] : lookup.misses;
  return {
    ...composed,
    outcome,
    reason: typeof caller === 'string' ? caller : undefined,
    agentId: call.agentId,
    conversationId: 'conversationId' in call ? call.conversationId : undefined,
    agentState: agent?.state,
    unusable: misses.filter(({ reason }) => UNUSABLE.has(reason)),
  };
}

/** The value of the dynamic variable `caller_known`. */
const CALLER_KNOWN = { known: 'yes', unknown: 'no', default: 'unknown' } as const;

/** Of somebody who is expected to be unknown, nothing is said. */
const UNUSABLE: ReadonlySet<string> = new Set(['broken', 'too-large', 'not-its-own']);

/** What the work gives; `late` when the deadline comes first, `failed` for any error. */
async function byDeadline<T, F extends string>(
  work: Promise<T>,
  deadline: AbortSignal,
  failed: F,
): Promise<T | F | 'late'> {
  const { promise: ended, resolve } = Promise.withResolvers<'late'>();
  const stop = () => resolve('late');
  deadline.addEventListener('abort', stop, { once: true });
  if (deadline.aborted) stop();
  try {
    return await Promise.race([work.catch(() => (deadline.aborted ? 'late' : failed)), ended]);
  } finally {
    deadline.removeEventListener('abort', stop);
  }
}
