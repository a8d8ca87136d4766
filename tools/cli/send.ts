// npm run send: a signed event for a running app, and whether its answer is the expected one.
import { runCommand } from '../command/run.ts';
import { tampered } from './send/body.ts';
import { deliver } from './send/deliver.ts';
import { type Event, exampleNames, findEvent } from './send/event.ts';
import { connectionHint } from './send/hints.ts';
import { readOptions, type SendOptions, sendOptions } from './send/options.ts';
import { type Exchange, report, showProgress } from './send/report.ts';
import { sign } from './send/sign.ts';
import { findSecret, readTarget, type Target } from './send/target.ts';

const oneHour = 3_600;

await runCommand({
  name: 'send',
  operands: { shown: '[EXAMPLE or FILE]', most: 1 },
  options: sendOptions,
  details: 'Fails when the answer is not the expected one.',
  async run({ values, operands }) {
    const options = readOptions(values, operands);
    if (options.action === 'health') return report(await askHealth(readTarget(options.url)), options);
    if (options.action === 'send') return report(await sendEvent(options), options);
    console.log(exampleNames().join('\n'));
    return 0;
  },
});

async function askHealth({ health }: Target): Promise<Exchange[]> {
  return [{ request: `GET ${health}`, bytes: 0, url: health, answer: await attempt({ url: health, method: 'GET' }) }];
}

async function sendEvent(options: SendOptions): Promise<Exchange[]> {
  const event = findEvent(options);
  const { name, body, isChunked, endpoint } = event;
  const target = readTarget(options.url, endpoint);
  const headers = await signedHeaders(
    event,
    options,
    findSecret({ given: options.secret, endpoint }, target, process.env),
  );
  const sent = options.spoiling === 'tamper' ? tampered(body) : body;

  const exchanges: Exchange[] = [];
  for (let time = 0; time < options.times; time++) {
    const onProgress = showProgress(body.bytes);
    const url = target.webhook;
    const answer = await attempt({ url, headers, body: sent, chunked: isChunked, onProgress });
    const form = `${body.bytes} bytes${isChunked ? ', chunked' : ''}`;
    exchanges.push({ request: `POST ${address(url)} (${name}, ${form})`, bytes: body.bytes, url, endpoint, answer });
  }
  return exchanges;
}

async function signedHeaders(
  { body, contentType, endpoint }: Event,
  { spoiling }: SendOptions,
  secret: string,
): Promise<Record<string, string>> {
  if (endpoint === 'initiation') {
    const token = spoiling === 'invalid' ? `not-${secret}` : secret;
    return { 'content-type': contentType, authorization: `Bearer ${token}` };
  }
  const now = Math.floor(Date.now() / 1000);
  const shift = spoiling === 'stale' ? -oneHour : spoiling === 'future' ? oneHour : 0;
  const key = spoiling === 'invalid' ? `not ${secret}` : secret;
  return {
    'content-type': contentType,
    'elevenlabs-signature': await sign(body.chunks(), key, now + shift),
  };
}

async function attempt(delivery: Parameters<typeof deliver>[0]): Promise<Exchange['answer']> {
  try {
    return await deliver(delivery);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { error: connectionHint(delivery.url, error) ?? (message || code || 'The connection failed') };
  }
}

/** A query may hold a function key. */
function address(url: URL): string {
  return `${url.origin}${url.pathname}`;
}
