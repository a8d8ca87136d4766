import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { parseCall, readCall } from '../../../src/lib/initiation/call.ts';

const CALL = { caller_id: '+31612345678', called_number: '+31201234567', agent_id: 'agent_1', call_sid: 'CA1' };
const bytes = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
const members = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_each, index) => [`m${index}`, 1]));

describe('a question about a call', () => {
  it('is its two numbers, the agent and the conversation', () => {
    const numbers = ['+31612345678', '+31201234567'];
    expect(parseCall(bytes(CALL))).toEqual({ numbers, agentId: 'agent_1', conversationId: undefined });
    expect(parseCall(bytes({ ...CALL, conversation_id: 'conv_1', sip_headers: { 'X-A': 'b' } }))).toEqual({
      numbers,
      agentId: 'agent_1',
      conversationId: 'conv_1',
    });
  });

  it('may leave out what nobody needs, and the number of a caller who withholds it', () => {
    const { call_sid, ...others } = CALL;
    expect(call_sid).toBe('CA1');
    expect(parseCall(bytes({ ...others, caller_id: null, conversation_id: '../x' }))).toEqual({
      numbers: ['', '+31201234567'],
      agentId: 'agent_1',
      conversationId: undefined,
    });
  });

  it.each([
    ['', 'not_json', undefined],
    ['{', 'not_json', undefined],
    [Buffer.from([0x22, 0xff, 0x22]).toString('latin1'), 'not_an_object', undefined],
    ['"text"', 'not_an_object', undefined],
    ['[]', 'not_an_object', undefined],
    ['null', 'not_an_object', undefined],
    [{}, 'unexpected_members', undefined],
    [{ ...CALL, agent_id: 'a/b' }, 'unexpected_members', undefined],
    [{ ...CALL, caller_id: 31612345678 }, 'unexpected_members', 'agent_1'],
    [{ ...CALL, called_number: ['+1'] }, 'unexpected_members', 'agent_1'],
    [{ caller_id: '+1', agent_id: 'agent_1' }, 'unexpected_members', 'agent_1'],
    [{ ...CALL, ...members(100) }, 'too_many_members', 'agent_1'],
  ])('%j is %s', (body, problem, agentId) => {
    expect(parseCall(bytes(body))).toEqual({ problem, agentId });
  });

  it('is not valid when its bytes are not UTF-8', () => {
    expect(parseCall(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))).toMatchObject({ problem: 'not_json' });
  });
});

describe('its body', () => {
  const never = new AbortController().signal;

  it('is read in pieces to its end', async () => {
    const text = JSON.stringify(CALL);
    const body = Readable.from([Buffer.from(text.slice(0, 7)), Buffer.from(text.slice(7))], { objectMode: false });
    expect(await readCall(body, never)).toMatchObject({ agentId: 'agent_1' });
  });

  it('may be missing', async () => {
    expect(await readCall(null, never)).toEqual({ problem: 'not_json', agentId: undefined });
  });

  it('over 64 KiB is 413, and stays to be read off', async () => {
    const body = new Readable({ read() {} });
    for (const size of [60_000, 60_000]) body.push(Buffer.alloc(size));
    await expect(readCall(body, never)).rejects.toMatchObject({ code: 'body_too_large', status: 413 });
    expect(body.destroyed).toBe(false);
  });

  it('of exactly 64 KiB is read', async () => {
    const body = Readable.from([Buffer.from(JSON.stringify(CALL).padEnd(65_536))], { objectMode: false });
    expect(await readCall(body, never)).toMatchObject({ agentId: 'agent_1' });
  });

  it('that does not end is given up when the signal fires, or has fired, and stays to be read off', async () => {
    const late = new AbortController();
    const body = new Readable({ read() {} });
    const reading = readCall(body, late.signal);
    body.push('{');
    late.abort();
    expect(await reading).toEqual({ problem: 'late', agentId: undefined });
    expect(await readCall(new Readable({ read() {} }), late.signal)).toMatchObject({ problem: 'late' });
    expect(body.destroyed).toBe(false);
    expect(body.listenerCount('data')).toBe(0);
  });

  it('whose sender goes away is aborted', async () => {
    const body = new Readable({ read() {} });
    const reading = readCall(body, never);
    body.destroy();
    expect(await reading).toEqual({ problem: 'aborted', agentId: undefined });
  });
});
