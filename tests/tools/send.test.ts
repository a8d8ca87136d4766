import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { run } from './run.ts';

interface Received {
  url: string | undefined;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

const development = 'wsec_local_development_only';
const transcription = readFileSync(new URL('../../examples/post_call_transcription.json', import.meta.url));
let server: Server;
let url: string;
let status = 200;
let received: Received[] = [];

beforeAll(async () => {
  server = createServer(async (request, response) => {
    received.push({ url: request.url, headers: request.headers, body: Buffer.concat(await request.toArray()) });
    response.writeHead(status, { location: 'https://127.0.0.1/' }).end('{"answer":true}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => void server.close());
beforeEach(() => {
  received = [];
  status = 200;
});

async function send(...args: string[]) {
  const { ended, text } = run(['tools/cli/send.ts', ...args], { PORT: new URL(url).port });
  return { code: await ended, text: text() };
}

function isGenuine({ headers, body }: Received, secret = development): boolean {
  const [, t, v0] = /^t=(\d+),v0=([0-9a-f]{64})$/.exec(String(headers['elevenlabs-signature'])) ?? [];
  return createHmac('sha256', secret).update(`${t}.`).update(body).digest('hex') === v0;
}

function ageSeconds({ headers }: Received): number {
  return Math.round(Date.now() / 1000) - Number(/^t=(\d+)/.exec(String(headers['elevenlabs-signature']))?.[1]);
}

test('an example goes out as it is, signed, and the answer is shown', async () => {
  const { code, text } = await send('post_call_transcription');
  expect([code, text]).toEqual([0, expect.stringMatching(/200 \(as expected\) in \d+ ms\n {2}\{"answer":true\}/)]);
  expect(received).toMatchObject([{ url: '/elevenlabs/webhook', body: transcription }]);
  expect(received.every((one) => isGenuine(one) && ageSeconds(one) < 60)).toBe(true);
  expect(received[0]?.headers).toMatchObject({ 'content-length': String(transcription.length) });
});

test.each([
  ['--invalid', 401, false, 0],
  ['--tamper', 401, false, 0],
  ['--stale', 400, true, 3_600],
  ['--future', 400, true, -3_600],
])('%s expects %d', async (mode, expected, genuine, age) => {
  status = expected;
  expect(await send('post_call_audio', mode)).toMatchObject({ code: 0 });
  status = 200;
  expect(await send('post_call_audio', mode)).toMatchObject({
    code: 1,
    text: expect.stringContaining(`expected ${expected}`),
  });
  for (const one of received) {
    expect(isGenuine(one)).toBe(genuine);
    expect(Math.abs(ageSeconds(one) - age)).toBeLessThan(60);
  }
});

test.each(['--invalid', '--tamper', '--stale', '--future'])('%s alone spoils an example', async (mode) => {
  status = mode === '--invalid' || mode === '--tamper' ? 401 : 400;
  expect(await send(mode)).toMatchObject({ code: 0 });
  expect(received).toHaveLength(1);
});

test('--twice sends the same delivery two times', async () => {
  expect(await send('post_call_transcription_flat', '--twice')).toMatchObject({ code: 0 });
  expect(received).toHaveLength(2);
  expect(received[0]?.headers['elevenlabs-signature']).toBe(received[1]?.headers['elevenlabs-signature']);
});

test('--chunked sends no Content-Length', async () => {
  expect(await send('post_call_transcription', '--chunked')).toMatchObject({ code: 0 });
  expect(received[0]?.headers).toMatchObject({ 'transfer-encoding': 'chunked' });
  expect(received[0]?.headers).not.toHaveProperty('content-length');
  expect(received.every((one) => isGenuine(one))).toBe(true);
});

test('--audio-mb sends a chunked audio event of that size', async () => {
  expect(await send('--audio-mb', '5')).toMatchObject({ code: 0 });
  expect(received[0]?.headers).toMatchObject({ 'transfer-encoding': 'chunked' });
  expect(received[0]?.body).toHaveLength(5_000_000);
  expect(received.every((one) => isGenuine(one))).toBe(true);
});

test('--mp3 sends a recording of the user', async () => {
  expect(await send('--mp3', 'examples/call.mp3', '--conversation', 'conv_mine')).toMatchObject({ code: 0 });
  const { data } = JSON.parse(String(received[0]?.body));
  const mp3 = readFileSync(new URL('../../examples/call.mp3', import.meta.url));
  expect(data).toMatchObject({ conversation_id: 'conv_mine', full_audio: mp3.toString('base64') });
});

test('--url takes a base or a full address, --secret another secret, --conversation another id', async () => {
  const full = `${url}/behind/elevenlabs/webhook?code=key`;
  const { text } = await send(
    'post_call_transcription',
    '--url',
    full,
    '--secret',
    'wsec_x',
    '--conversation',
    'conv_x',
  );
  expect(received[0]?.url).toBe('/behind/elevenlabs/webhook?code=key');
  expect(text).not.toContain('code=key');
  expect(received.every((one) => isGenuine(one, 'wsec_x'))).toBe(true);
  expect(JSON.parse(String(received[0]?.body)).data.conversation_id).toBe('conv_x');
});

test('a pre-call request goes to its own endpoint, signed over its own bytes', async () => {
  await send('pre-call');
  await send('pre-call-multipart', '--url', `${url}/elevenlabs/precall/webhook`, '--chunked');
  expect(received.map(({ url }) => url)).toEqual(['/elevenlabs/precall/webhook', '/elevenlabs/precall/webhook']);
  expect(received.every((one) => isGenuine(one))).toBe(true);
  const [json, form] = received;
  const wav = readFileSync(new URL('../../examples/voice-samples/sample.wav', import.meta.url));
  const metadata = JSON.parse(readFileSync(new URL('../../examples/pre_call.json', import.meta.url), 'utf8'));
  expect(JSON.parse(String(json?.body))).toEqual({
    ...metadata,
    voice_sample: { format: 'base64', data: wav.toString('base64') },
  });
  const parts = await new Response(new Uint8Array(form?.body ?? []), {
    headers: { 'content-type': String(form?.headers['content-type']) },
  }).formData();
  expect(JSON.parse(String(parts.get('metadata')))).toEqual(metadata);
  const file = parts.get('voice_sample') as File; // of a part that has a file name
  expect([file.name, file.type]).toEqual(['sample.wav', 'audio/wav']);
  expect(Buffer.from(await file.arrayBuffer())).toEqual(wav);
});

test('--health asks the health function', async () => {
  expect(await send('--health', '--url', `${url}/elevenlabs/webhook`)).toMatchObject({ code: 0 });
  expect(received).toMatchObject([{ url: '/health' }]);
});

test('--json prints one object', async () => {
  const { text } = await send('post_call_audio', '--json', '--expect', '201');
  expect(JSON.parse(text)).toMatchObject({
    ok: false,
    expected: 201,
    deliveries: [{ status: 200, answer: '{"answer":true}' }],
  });
});

test('--list names every example', async () => {
  const names = (await send('--list')).text.split('\n');
  expect(names).toEqual(expect.arrayContaining(['call_initiation_failure_twilio', 'pre-call', 'pre-call-multipart']));
});

test('an answer that comes before the end of the body is the result', async () => {
  const early = createServer((request, response) => {
    response.writeHead(413).end();
    request.resume();
  }).listen(0, '127.0.0.1');
  await once(early, 'listening');
  const { port } = early.address() as AddressInfo;
  const { code } = await send('--audio-mb', '20', '--expect', '413', '--url', `http://127.0.0.1:${port}`);
  expect(code).toBe(0);
  early.closeAllConnections();
  early.close();
});

test('nobody at the address is explained', async () => {
  const { code, text } = await send('post_call_audio', '--url', 'http://127.0.0.1:9');
  expect([code, text]).toEqual([1, expect.stringContaining('npm start')]);
});

test.each([
  [['--mp3', 'no-such.mp3'], /--mp3: no such file: \/.*no-such\.mp3/],
  [['--mp3', 'examples'], /--mp3: .*examples is a folder/],
  [['pre-call', '--sample', 'no-such.wav'], /--sample: no such file/],
  [['post_call_audio', '--url', 'localhost:7071'], /Is it --url http:\/\/localhost:7071\?/],
  [['post_call_audio', '--url', 'example.com/x'], /Is it --url https:\/\/example\.com\/x\?/],
  [['post_call_audio', '--sampel', 'x'], /There is no option --sampel\. Is it --sample\?/],
  [['post_call_audio', '--help'], /Usage: npm run send -- \[EXAMPLE or FILE\] \[options\]/],
])('%j is explained', async (args, reason) => {
  expect((await send(...args)).text).toMatch(reason);
  expect(received).toEqual([]);
});

test.each(['', '-unknown', '-outbound', '-withheld', '-whatsapp'])(
  'initiation%s asks with a secret, unsigned',
  async (which) => {
    expect(await send(`initiation${which}`)).toMatchObject({ code: 0 });
    expect(received).toMatchObject([
      { url: '/elevenlabs/initiation/webhook', headers: { authorization: 'Bearer initiation_local_development_only' } },
    ]);
    expect(received[0]?.headers).not.toHaveProperty('elevenlabs-signature');
    const asked = JSON.parse(String(received[0]?.body));
    expect(Object.values(asked).every((value) => typeof value === 'string')).toBe(true);
    expect(Object.keys(asked)).toEqual(['caller_id', 'called_number', 'agent_id', 'call_sid', 'conversation_id']);
  },
);

test('initiation --invalid asks with another secret and expects 401; --secret gives another one', async () => {
  status = 401;
  expect(await send('initiation', '--invalid')).toMatchObject({ code: 0 });
  expect((await send('initiation', '--secret', 'of_the_test')).text).toContain('INITIATION_SECRET');
  const sent = received.map(({ headers }) => headers.authorization);
  expect(sent).toEqual(['Bearer not-initiation_local_development_only', 'Bearer of_the_test']);
});

test('a wrong path, another webhook and a redirect to https have a hint', async () => {
  status = 404;
  expect((await send('post_call_audio', '--url', `${url}/webhok`)).text).toContain('/elevenlabs/webhook (--url');
  expect((await send('post_call_audio')).text).toContain('No app answers at /elevenlabs/webhook there');
  status = 400;
  expect((await send('pre-call', '--url', `${url}/elevenlabs/webhook`)).text).toContain(
    '/elevenlabs/precall/webhook (--url',
  );
  status = 308;
  expect((await send('post_call_audio')).text).toContain('It redirects to https: --url https://127.0.0.1');
  expect((await send('post_call_audio', '--url', url.replace('http:', 'https:'))).text).toContain(`--url ${url}`);
});

test.each([
  [[]],
  [['no-such-example']],
  [['a', 'b']],
  [['post_call_audio', '--stale', '--future']],
  [['--audio-mb', 'many']],
  [['--audio-mb', '0.0001']],
  [['post_call_audio', '--expect', '1']],
  [['post_call_audio', '--url', 'ftp://127.0.0.1']],
  [['post_call_audio', '--url', 'https://example.com']],
  [['post_call_audio', '--what']],
  [['post_call_audio', '--sample', 'examples/voice-samples/sample.wav']],
  [['--mp3', 'examples/call.mp3', '--sample', 'examples/voice-samples/sample.wav']],
  [['pre-call', '--sample', 'no-such-sample.wav']],
  [['pre_call']],
  [['initiation', '--tamper']],
  [['initiation', '--url', 'https://example.com']],
])('%j is wrong usage', async (args) => {
  expect(await send(...args)).toMatchObject({ code: 2 });
  expect(received).toEqual([]);
});
