import {
  BAD_KEY,
  MISSING_PERMISSION,
  malformed,
  NO_PERMISSION,
  NO_PLAN,
  type Reply,
  refuse,
  SLOTS_FULL,
  TOO_MANY,
} from './reply.ts';

/** Answered instead of the work: nothing is done. */
const REFUSALS = {
  'slots-full': () => refuse(SLOTS_FULL(10, 10)),
  'slots-full-legacy': () => refuse(SLOTS_FULL(10, 10), 'legacy'),
  plan: () => refuse(NO_PLAN),
  unauthorized: () => refuse(BAD_KEY),
  forbidden: () => refuse(NO_PERMISSION),
  'missing-permission': () => refuse(MISSING_PERMISSION),
  invalid: () => malformed(['body', 'files', 0], 'Value error, Expected UploadFile, received: <class str>'),
  'rate-limited': ({ retryAfter = '1' }) => {
    const reply = refuse(TOO_MANY);
    return { ...reply, headers: { ...reply.headers, 'retry-after': retryAfter } };
  },
  'server-error': ({ status = 500 }) => ({ status, body: { detail: 'Internal Server Error' } }),
  redirect: ({ location = '/__elsewhere' }) => ({ status: 307, headers: { location }, body: '' }),
} satisfies Record<string, (fault: Fault) => Reply>;

/** The work is done, but the caller does not learn it, or not in time, or not in a form that it can read. */
const SPOILED = ['slow', 'answer-lost', 'reset', 'huge', 'not-json'] as const;

/** `slow-work` waits before the work, so that it is done long after the caller has given up. */
export type FaultKind = keyof typeof REFUSALS | (typeof SPOILED)[number] | 'slow-work';

/** What goes wrong for the next requests that fit; plain JSON, so that another process can ask for it, too. */
export interface Fault {
  readonly kind: FaultKind;
  readonly method?: string;
  /** The beginning of the path; every path when left out. */
  readonly path?: string;
  /** For so many requests; 1 when left out. */
  readonly times?: number;
  /** Of `slow` and `slow-work`. */
  readonly delayMs?: number;
  /** Of `rate-limited`: seconds or an HTTP date. */
  readonly retryAfter?: string;
  /** Of `server-error`. */
  readonly status?: number;
  /** Of `redirect`. */
  readonly location?: string;
}

export class Faults {
  readonly #waiting: { fault: Fault; left: number }[] = [];

  /** @throws {Error} for a kind that there is not. */
  add(fault: Fault): void {
    if (!isKind(fault.kind)) throw new Error(`There is no fault "${String(fault.kind)}"`);
    this.#waiting.push({ fault, left: fault.times ?? 1 });
  }

  /** The first fault that is waiting for such a request; it counts as used. */
  take(method: string, path: string): Fault | undefined {
    const index = this.#waiting.findIndex(
      ({ fault }) => (fault.method ?? method) === method && path.startsWith(fault.path ?? '/'),
    );
    const found = this.#waiting[index];
    if (found === undefined) return undefined;
    found.left -= 1;
    if (found.left <= 0) this.#waiting.splice(index, 1);
    return found.fault;
  }

  clear(): void {
    this.#waiting.length = 0;
  }
}

/** The answer of a fault that refuses; undefined for one that lets the work be done. */
export function refusalOf(fault: Fault): Reply | undefined {
  const refusals: Partial<Record<FaultKind, (fault: Fault) => Reply>> = REFUSALS;
  return refusals[fault.kind]?.(fault);
}

function isKind(kind: string): kind is FaultKind {
  return Object.hasOwn(REFUSALS, kind) || [...SPOILED, 'slow-work'].includes(kind);
}
