import { isUtf8 } from 'node:buffer';
import { expect } from 'vitest';
import type { Verdict } from '../../src/lib/postCall/classify.ts';
import { placeInQuarantine, placeOfCall, placeOfOtherEvent, sha256Of } from '../../src/lib/postCall/places.ts';
import type { Place } from '../../src/lib/storage/keepOnce.ts';
import { verdictOn } from '../lib/postCall/verdictOn.ts';

const PATH = { container: 'calls', prefix: 'folder/inner/' };
const SIGNED_AT = 1_739_537_297;
const HASH = sha256Of('');

/** All places where the app could put what the verdict is about. */
function placesOf(verdict: Verdict): Place[] {
  const { facts } = verdict;
  const seconds = facts.timestampSeconds ?? SIGNED_AT;
  const reason = verdict.kind === 'unusable' ? verdict.reason : 'broken_audio';
  const quarantine = (['body', 'around', 'audio', 'undecoded'] as const).map((part) =>
    placeInQuarantine(PATH, { reason, seconds, hash: HASH, part }),
  );
  if (verdict.kind === 'call') {
    const forms = ['json', 'otel.json', 'mp3'] as const;
    return [...forms.map((form) => placeOfCall(PATH, verdict.facts, form)), ...quarantine];
  }
  if (verdict.kind === 'other' || verdict.kind === 'unknown') {
    const { type } = verdict.facts;
    return [placeOfOtherEvent(PATH, { type, seconds, hash: HASH, part: 'body' }), ...quarantine];
  }
  return quarantine;
}

function isJson(body: Buffer): boolean {
  try {
    JSON.parse(body.toString());
    return isUtf8(body);
  } catch {
    return false;
  }
}

/**
 * The body is given a verdict, `not_json` exactly when it is not JSON. Its places are two or three levels under the folder, of
 * harmless characters, and the address of a blob there is not rewritten on its way.
 */
export function expectVerdict(body: Buffer): void {
  const verdict = verdictOn(body);
  if (verdict.kind !== 'pre-call') {
    expect(verdict.kind !== 'unusable' || verdict.reason !== 'not_json').toBe(isJson(body));
  }
  for (const { container, stem, extension } of placesOf(verdict)) {
    expect(container).toBe('calls');
    expect(stem).toMatch(/^folder\/inner(\/[A-Za-z0-9_-]{1,256}){2,3}$/);
    const address = `https://account.example/${container}/${stem}.${extension}`;
    expect(new URL(address).href).toBe(address);
  }
  const { type, agentId, conversationId } = verdict.facts;
  for (const text of [agentId, conversationId]) if (text !== undefined) expect(text).toMatch(/^[A-Za-z0-9_-]{1,256}$/);
  if (type !== undefined) expect(type).toMatch(/^[A-Za-z0-9_.-]{1,64}$/);
}
