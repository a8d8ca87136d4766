import { describe, expect, it } from 'vitest';
import { changeOf, isOurChange, isSame, withChange } from '../../../../src/lib/preCall/agent/agentChange.ts';
import { NOTHING_LEASED } from '../../../../src/lib/preCall/state/records.ts';

const HALLO_SHA256 = '753692ec36adb4c794c973945eb2a99c1649703ea6f76bf259abb4fb838e013e';
const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

const change = (voiceId: string, firstMessage = 'Hallo') => ({ voiceId, firstMessage });

describe('a change', () => {
  it('is known by the voice’s id and a hash of the greeting, which may hold a name', () => {
    expect(changeOf(change('voice_1'))).toEqual({ voice_id: 'voice_1', first_message_sha256: HALLO_SHA256 });
  });

  it('without voice and greeting is one with empty ones', () => {
    expect(changeOf({ voiceId: undefined, firstMessage: undefined })).toEqual({
      voice_id: '',
      first_message_sha256: EMPTY_SHA256,
    });
  });

  it.each([
    ['voice', change('voice_2')],
    ['greeting', change('voice_1', 'Hello')],
  ])('with another %s is another change', (_what, other) => {
    expect(isSame(changeOf(change('voice_1')), changeOf(other))).toBe(false);
    expect(isSame(changeOf(other), changeOf({ ...other }))).toBe(true);
  });
});

describe('the changes of an agent', () => {
  it('are kept in their order, the latest last and once', () => {
    const set = [change('voice_1'), change('voice_2'), change('voice_1')].reduce(withChange, []);
    expect(set).toEqual([changeOf(change('voice_2')), changeOf(change('voice_1'))]);
  });

  it('are the latest twenty', () => {
    const all = Array.from({ length: 22 }, (_, at) => change(`voice_${at}`));
    expect(all.slice(0, 20).reduce(withChange, [])).toHaveLength(20);
    expect(all.reduce(withChange, [])).toEqual(all.slice(2).map(changeOf));
  });
});

describe('what an agent has', () => {
  const state = { ...NOTHING_LEASED, set: [changeOf(change('voice_1')), changeOf(change('voice_2', 'Hello'))] };

  it('is ours when we have ever set just that', () => {
    expect(isOurChange(state, change('voice_1'))).toBe(true);
    expect(isOurChange(state, change('voice_2', 'Hello'))).toBe(true);
  });

  it('is not ours when only the voice or only the greeting is', () => {
    expect(isOurChange(state, change('voice_1', 'Hello'))).toBe(false);
    expect(isOurChange(state, change('voice_3'))).toBe(false);
  });

  it('is not ours when we have set nothing', () => {
    expect(isOurChange(NOTHING_LEASED, change('voice_1'))).toBe(false);
  });
});
