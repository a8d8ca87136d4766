import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ENVELOPE_LIMIT_BYTES, SHORT_AUDIO_BYTES } from '../../src/lib/json/envelope.ts';
import { liftAudio } from '../../src/lib/json/lift.ts';
import { AUDIO_MEMBERS } from '../lib/json/audioIn.ts';
import { CollectingSink } from '../lib/json/collectingSink.ts';
import { cutAt, inPiecesOf, noise } from '../lib/json/pieces.ts';
import { split } from '../lib/json/split.ts';
import { holds } from './holds.ts';
import { share } from './share.ts';

const AUDIO = noise((SHORT_AUDIO_BYTES / 4) * 3 + 100);

/** How some characters of base64 are spelled, wherever they stand in the text. */
const spellings = fc
  .array(
    fc.constantFrom(...'/+=AQz09').chain((character) => {
      const hex = character.charCodeAt(0).toString(16).padStart(4, '0');
      return fc
        .constantFrom(`\\u${hex}`, `\\u${hex.toUpperCase()}`, ...(character === '/' ? ['\\/'] : []))
        .map((spelling): [string, string] => [character, spelling]);
    }),
    { maxLength: 3 },
  )
  .map((pairs) => new Map(pairs));
const spelled = (text: string, how: ReadonlyMap<string, string>) =>
  how.size === 0 ? text : text.replaceAll(/[/+=AQz09]/g, (character) => how.get(character) ?? character);

const space = fc.constantFrom('', '', ' ', '\n\t', '\r\n');
const dataKey = fc.constantFrom('data', 'data', 'd\\u0061ta', '\\u0064\\u0061\\u0074\\u0061');
const audioKey = fc.constantFrom('full_audio', 'full_audio', 'full\\u005Faudio', '\\u0066ull_audi\\u006f');

/** Any other members; none of them is called as those that matter. */
const others = fc
  .dictionary(
    fc.string({ maxLength: 8 }).filter((key) => !['data', 'full_audio'].includes(key)),
    fc.jsonValue(),
    { maxKeys: 4 },
  )
  .map((object) => Object.entries(object).map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`));

/** Any order of the members. */
const shuffled = (members: readonly string[]) => fc.shuffledSubarray([...members], { minLength: members.length });

const cuts = fc.array(share, { maxLength: 12 });

/** A JSON text with audio of these bytes; the mark stands where its text goes. */
const around = fc
  .record({ outer: others, inner: others, isFlat: fc.boolean(), dataKey, audioKey, between: space })
  .chain(({ outer, inner, isFlat, dataKey: data, audioKey: audio, between }) => {
    const member = `"${audio}"${between}:${between}"MARK"`;
    if (isFlat) return shuffled([...outer, member]).map((members) => `{${members.join(`${between},`)}}`);
    return shuffled([...inner, member]).chain((members) =>
      shuffled([...outer, `"${data}"${between}:{${between}${members.join(`,${between}`)}}`]).map(
        (all) => `${between}{${all.join()}}${between}`,
      ),
    );
  })
  .filter((json) => json.split('MARK').length === 2);

const audioOf = (json: string) => {
  const parsed = JSON.parse(json) as { full_audio?: string; data?: { full_audio?: string } };
  return Buffer.from(parsed.data?.full_audio ?? parsed.full_audio ?? '', 'base64');
};

it('any JSON, in any order and escapes and pieces, gives what JSON.parse and Buffer.from give', async () => {
  const property = fc.asyncProperty(
    around,
    fc.uint8Array({ maxLength: 600 }),
    spellings,
    cuts,
    fc.constantFrom(3000, 29_997, 400_002),
    async (json, moreBytes, how, places, blockBytes) => {
      const text = spelled(Buffer.concat([AUDIO, moreBytes]).toString('base64'), how);
      const body = Buffer.from(json.replace('MARK', () => text));
      const pieces = cutAt(body, ...places.map((place) => Math.floor(place * body.length)));
      const { kind, envelope, audio } = await split(pieces, blockBytes);
      expect(kind).toBe('lifted');
      expect(audio?.equals(audioOf(body.toString()))).toBe(true);
      expect(envelope).toBe(Buffer.from(json.replace('MARK', '')).toString('latin1'));
    },
  );
  await holds(property, 100);
});

it('any JSON with short audio, or with none, stays whole', async () => {
  const property = fc.asyncProperty(
    fc.oneof(
      fc
        .tuple(around, fc.base64String({ maxLength: 400 }), spellings)
        .map(([json, text, how]) => json.replace('MARK', () => spelled(text, how))),
      fc.json(),
    ),
    fc.array(fc.nat(600), { maxLength: 12 }),
    async (json, places) => {
      const body = Buffer.from(json);
      const { kind, envelope } = await split(cutAt(body, ...places));
      expect(kind).toBe('whole');
      expect(envelope).toBe(body.toString('latin1'));
    },
  );
  await holds(property, 3000);
});

it('a foreign byte anywhere in the audio, in any pieces, loses nothing', async () => {
  const [before, after] = ['{"data":{"full_audio":"', '","conversation_id":"conv_1"}}'];
  const base64 = AUDIO.toString('base64');
  const property = fc.asyncProperty(
    fc.nat(base64.length - 1),
    fc.nat(255).filter((byte) => !/[A-Za-z0-9+/_=\\"-]/.test(String.fromCharCode(byte))),
    fc.array(fc.nat(base64.length + 200), { maxLength: 6 }),
    async (at, byte, places) => {
      const body = Buffer.from(before + base64 + after);
      body[before.length + at] = byte;
      const { kind, envelope, audio, undecoded } = await split(cutAt(body, ...places, before.length + at));
      expect(kind).toBe('broken');
      expect(envelope).toBe(before);
      expect(audio).toHaveLength(Math.floor(at / 4) * 3);
      expect(`${envelope}${audio?.toString('base64')}${undecoded}` === body.toString('latin1')).toBe(true);
    },
  );
  await holds(property, 60);
});

const MEBIBYTE = 1024 * 1024;
/** What may be held: the JSON, and a string that is not known to be long yet. */
const BOUND = ENVELOPE_LIMIT_BYTES + 2 * SHORT_AUDIO_BYTES;

const members = fc.array(
  fc.oneof(
    fc.integer({ min: 0, max: 6 * MEBIBYTE }).map((length) => ({ key: 'x', length })),
    fc.integer({ min: 0, max: SHORT_AUDIO_BYTES - 1 }).map((length) => ({ key: 'full_audio', length })),
    fc.integer({ min: SHORT_AUDIO_BYTES, max: MEBIBYTE }).map((length) => ({ key: 'full_audio', length: length & ~3 })),
  ),
  { minLength: 1, maxLength: 8 },
);

it('of a body of any members in any pieces no more is held than the bound, and no more is read once it is over', async () => {
  const property = fc.asyncProperty(members, fc.integer({ min: 1000, max: 3 * MEBIBYTE }), async (all, pieceBytes) => {
    const body = Buffer.from(`{${all.map(({ key, length }) => `"${key}":"${'A'.repeat(length)}"`).join()}}`);
    const lifted = all.find(({ key, length }) => key === 'full_audio' && length >= SHORT_AUDIO_BYTES)?.length ?? 0;
    let read = 0;
    async function* pieces() {
      for (const piece of inPiecesOf(pieceBytes, body)) {
        read += piece.length;
        yield piece;
      }
    }
    const sink = new CollectingSink(300_000);
    const lifting = liftAudio(
      pieces(),
      { audio: () => sink, undecoded: () => expect.unreachable() },
      { members: AUDIO_MEMBERS },
    );
    if (body.length - lifted <= ENVELOPE_LIMIT_BYTES) {
      const { envelope } = await lifting;
      expect(envelope.length).toBe(body.length - lifted);
      if (envelope.buffer !== body.buffer) expect(envelope.buffer.byteLength).toBeLessThanOrEqual(BOUND);
    } else {
      await expect(lifting).rejects.toMatchObject({ code: 'json_too_large' });
      expect(read).toBeLessThanOrEqual(BOUND + lifted + pieceBytes);
    }
  });
  await holds(property, 40);
});
