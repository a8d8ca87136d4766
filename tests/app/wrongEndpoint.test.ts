import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { audioEvent, type Context, send, startContext } from '../support/context.ts';

let context: Context;
beforeAll(async () => {
  context = await startContext();
});
afterAll(() => context.close());

const request = {
  type: 'pre_call',
  conversation_id: 'conv_wrong',
  agent_id: 'agent_wrong',
  caller_metadata: { name: 'Robin Reitsma', date_of_birth: '1970-01-01', phone_number: '+12025550187' },
};
const sample = readFileSync(new URL('../../examples/voice-samples/sample.wav', import.meta.url));
const voice_sample = { format: 'base64', data: sample.toString('base64') };
const { type: _type, ...withoutType } = request;

function form(content: Uint8Array, quote = '"', boundary = 'a-boundary'): Buffer {
  const part = (name: string, more: string, bytes: Uint8Array) => [
    Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name=${quote}${name}${quote}${more}\r\n\r\n`),
    bytes,
    Buffer.from('\r\n'),
  ];
  return Buffer.concat([
    ...part('metadata', '', Buffer.from(JSON.stringify(request))),
    ...part('voice_sample', '; filename="s.wav"\r\nContent-Type: audio/wav', content),
    Buffer.from(`--${boundary}--\r\n`),
  ]);
}

const json = JSON.stringify({ ...request, voice_sample });

it.each<[string, Buffer | string, Parameters<typeof send>[2]]>([
  ['as JSON', json, {}],
  ['as JSON in chunks', json, { chunkBytes: 10_000 }],
  ['as JSON without its sample', JSON.stringify(request), {}],
  ['as JSON without its type', JSON.stringify({ ...withoutType, voice_sample }), {}],
  ['as JSON with a type of another event', JSON.stringify({ ...request, type: 'post_call_audio', voice_sample }), {}],
  ['as JSON that is cut off', json.slice(0, -1), {}],
  ['as JSON whose name is not UTF-8', Buffer.from(json.replace('Robin', 'Ren\xe9'), 'latin1'), {}],
  ['as a form', form(sample), { contentType: 'multipart/form-data; boundary=a-boundary' }],
  [
    'as a form with names without quotes',
    form(sample, ''),
    { contentType: 'multipart/form-data; boundary=a-boundary' },
  ],
  ['as a form that is called JSON', form(sample), {}],
  [
    'as a form that is called by another boundary',
    form(sample, '"', '-----x'),
    { contentType: 'multipart/form-data; boundary=y' },
  ],
  ['as a form with a sample of 10 MB', form(randomBytes(10_000_000)), { chunkBytes: 60_000 }],
  ['with a recording', JSON.stringify({ ...audioEvent(randomBytes(6_000_000)), voice_sample }), { chunkBytes: 60_000 }],
])('a delivery for the pre-call endpoint %s is refused and kept nowhere', async (_name, body, options) => {
  const answer = await send(context, body, options);
  expect([answer.status, answer.json['code']]).toEqual([400, 'wrong_endpoint']);
  expect(answer.headers['content-type']).toBe('application/problem+json');
  expect(await context.paths()).toEqual([]);
  const line = context.lines.filter(({ message }) => message.startsWith('delivery ')).at(-1)?.message;
  expect(line).toMatch(/outcome=refused .*code=wrong_endpoint hint=.*precall/);
});

it('what is not genuine is refused as that, whatever it is', async () => {
  for (const body of [json, form(sample)]) {
    expect((await send(context, body, { secret: 'wsec_another' })).json['code']).toBe('signature_mismatch');
  }
});
