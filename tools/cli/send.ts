// npm run send: a signed event for a running app, and whether its answer is the expected one.
import { LocalSettingsError } from './localSettings.ts';
import { tampered } from './send/body.ts';
import { deliver } from './send/deliver.ts';
import { type Event, exampleNames, findEvent } from './send/event.ts';
import { readOptions, type SendOptions, UsageError, usage } from './send/options.ts';
import { type Exchange, report, showProgress } from './send/report.ts';
import { sign } from './send/sign.ts';
import { findSecret, readTarget, type Target } from './send/target.ts';

const oneHour = 3_600;

try {
  process.exitCode = await run(readOptions(process.argv.slice(2), process.env));
} catch (error) {
  process.exitCode = explain(error);
}

async function run(options: SendOptions): Promise<number> {
  if (options.action === 'help') console.log(usage);
  else if (options.action === 'list') console.log(exampleNames().join('\n'));
  else if (options.action === 'health') return report(await askHealth(readTarget(options.url)), options);
  else return report(await sendEvent(options), options);
  return 0;
}

async function askHealth({ health }: Target): Promise<Exchange[]> {
  return [{ request: `GET ${health}`, bytes: 0, answer: await attempt({ url: health, method: 'GET' }) }];
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
    const answer = await attempt({ url: target.webhook, headers, body: sent, chunked: isChunked, onProgress });
    const form = `${body.bytes} bytes${isChunked ? ', chunked' : ''}`;
    exchanges.push({ request: `POST ${address(target.webhook)} (${name}, ${form})`, bytes: body.bytes, answer });
  }
  return exchanges;
}

async function signedHeaders(
  { body, contentType }: Event,
  { spoiling }: SendOptions,
  secret: string,
): Promise<Record<string, string>> {
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
    if (code === 'ECONNREFUSED')
      return { error: `Nothing listens at ${delivery.url.origin}. Is it running? npm start` };
    return { error: message || code || 'The connection failed' };
  }
}

/** A query may hold a function key. */
function address(url: URL): string {
  return `${url.origin}${url.pathname}`;
}

function explain(error: unknown): number {
  if (error instanceof UsageError) {
    console.error(`${error.message}\n\nnpm run send -- --help tells more.`);
    return 2;
  }
  console.error(error instanceof LocalSettingsError ? error.message : error);
  return 1;
}
