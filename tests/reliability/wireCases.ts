import type { TcpFaultProxy } from './tcpFaultProxy.ts';
import type { PlannedFault, TcpFault, WireExchange } from './tcpLink.ts';
import type { WireName } from './wires.ts';

/** From the mildest to the one that nobody is told of. */
export const FAULTS: Readonly<Record<string, TcpFault>> = {
  latency: { kind: 'latency', ms: 5 },
  jitter: { kind: 'jitter', ms: 12 },
  'limited bandwidth': { kind: 'bandwidth', bytesPerSecond: 12e6 },
  slicing: { kind: 'slicing' },
  'reset by peer': { kind: 'reset' },
  'slow close': { kind: 'slow-close', ms: 300 },
  'a cut': { kind: 'cut' },
  'a black hole': { kind: 'black-hole' },
};

/** Nothing is lost by these, it only takes longer. */
export const isHarmless = ({ kind }: TcpFault) => ['latency', 'jitter', 'bandwidth', 'slicing'].includes(kind);

export interface WireCase {
  readonly wire: WireName;
  readonly fault: TcpFault;
  /** 'connect', or half-way through the request or the answer of an exchange. */
  readonly phase: 'connect' | PlannedFault['phase'];
  /** Of the exchange; of the first one when connecting. */
  readonly number: number;
  readonly afterBytes: number;
  /** For a person: what the exchange does. */
  readonly step: string;
  /** Whether it befalls everything from then on, or this once. */
  readonly lasts: boolean;
}

/** Every point of a delivery that was watched while nothing went wrong, with a fault there once and from there on. */
export function casesOf(wire: WireName, fault: TcpFault, watched: readonly WireExchange[]): WireCase[] {
  const connect = { wire, fault, phase: 'connect', number: 1, afterBytes: 0, step: 'connect' } as const;
  const points = watched.flatMap(({ number, line, requestBytes, answerBytes }) => {
    const at = { wire, fault, number, step: stepOf(line) };
    return [
      { ...at, phase: 'request', afterBytes: Math.floor(requestBytes / 2) } as const,
      { ...at, phase: 'answer', afterBytes: Math.floor(answerBytes / 2) } as const,
    ];
  });
  return [connect, ...points].flatMap((point) => [
    { ...point, lasts: false },
    { ...point, lasts: true },
  ]);
}

export function describeCase({ wire, fault, phase, number, step, lasts }: WireCase): string {
  const where = phase === 'connect' ? 'while connecting' : `in the ${phase} of ${step} (exchange ${number})`;
  return `${fault.kind} on the wire to ${wire}, ${where}, ${lasts ? 'and from there on' : 'once'}`;
}

/** Puts a case on its wire. */
export function spoil(proxy: TcpFaultProxy, wireCase: WireCase, onBegin: () => void): void {
  const { fault, phase, number, afterBytes, lasts } = wireCase;
  let hasBegun = false;
  const begin = () => {
    if (!hasBegun) onBegin();
    hasBegun = true;
  };
  proxy.onConnect = () => {
    const isMeant = hasBegun ? lasts : phase === 'connect';
    if (!isMeant) return undefined;
    begin();
    return fault;
  };
  if (phase === 'connect') return;
  proxy.onExchange = (exchange) => {
    if (exchange.number === number) return { fault, phase, afterBytes, onBegin: begin };
    return lasts && hasBegun ? { fault, phase: 'request', afterBytes: 0 } : undefined;
  };
}

const STEPS: readonly (readonly [RegExp, string])[] = [
  [/comp=blocklist/, 'commit'],
  [/comp=block&/, 'block'],
  [/^PUT \S*\/audio-\S*\.mp3/, 'copy or put'],
  [/^DELETE \S*\/incoming-/, 'delete'],
];

function stepOf(line: string): string {
  const known = STEPS.find(([matches]) => matches.test(line))?.[1];
  return known ?? line.split('?')[0]?.replace(/[^ ]*\/([^/]+)\/[^/]*$/, '$1') ?? line;
}
