import { describe, expect, it } from 'vitest';
import { discardBody } from '../../src/lib/discardBody.ts';
import { bodyOf, brokenAfter } from './bodies.ts';

/** A body that counts what is taken from it, and whether its end was. */
function watchedBody(...pieces: readonly string[]) {
  const taken = { pieces: 0, isAtEnd: false };
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const piece = pieces[taken.pieces];
        if (piece === undefined) {
          taken.isAtEnd = true;
          controller.close();
        } else {
          taken.pieces++;
          controller.enqueue(Buffer.from(piece));
        }
      },
    },
    { highWaterMark: 0 },
  );
  return { body, taken };
}

describe('discardBody', () => {
  it('reads off the whole body', async () => {
    const { body, taken } = watchedBody('a', 'b', 'c');
    await discardBody(body);
    expect(taken).toEqual({ pieces: 3, isAtEnd: true });
  });

  it('reads off what a handler has left', async () => {
    const { body, taken } = watchedBody('a', 'b', 'c');
    const reader = body.getReader();
    await reader.read();
    reader.releaseLock();
    expect(taken).toEqual({ pieces: 1, isAtEnd: false });
    await discardBody(body);
    expect(taken).toEqual({ pieces: 3, isAtEnd: true });
  });

  it('leaves a body alone that somebody else is reading', async () => {
    const { body, taken } = watchedBody('a');
    const reader = body.getReader();
    await discardBody(body);
    expect(taken.pieces).toBe(0);
    expect((await reader.read()).value).toEqual(Buffer.from('a'));
  });

  it.each([
    ['a body that has nothing left', () => bodyOf()],
    ['a body whose sender goes away', () => brokenAfter('a')],
    ['no body', () => null],
    ['an undefined body', () => undefined],
    ['a body that is no stream', () => 'text'],
  ])('resolves for %s', async (_name, body) => {
    await expect(discardBody(body())).resolves.toBeUndefined();
  });
});
