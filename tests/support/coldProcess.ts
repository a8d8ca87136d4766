// A cold process of the built app, run by telemetryCold.test.ts: one delivery, then what it may load, then the end. Prints in
// which order things happened. The folder of the app comes as argument; everything else as the app's own settings.
import { registerHooks } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { bodyOf } from '../../tools/cli/send/body.ts';
import { deliver } from '../../tools/cli/send/deliver.ts';
import { sign } from '../../tools/cli/send/sign.ts';
import { startHost } from '../../tools/local/host/host.ts';

const [folder = ''] = process.argv.slice(2);
const app = pathToFileURL(`${folder}/`).href;
const events: string[] = [];

registerHooks({
  load(url, context, next) {
    if (url.startsWith(app)) events.push(`loads ${url.slice(app.length)}`);
    else if (url.includes('/node_modules/'))
      events.push(`loads from node_modules ${url.replace(/.*\/node_modules\//, '')}`);
    return next(url, context);
  },
});

const load = () => import(`${app}index.js`);
const host = await startHost({ port: 0, write: () => {}, timers: false }, load);
events.push('starts');

const data = { agent_id: 'agent_cold', conversation_id: `conv_${process.pid}`, transcript: [] };
const body = Buffer.from(JSON.stringify({ type: 'post_call_transcription', event_timestamp: 1739537297, data }));
const signature = await sign(body, process.env['ELEVENLABS_WEBHOOK_SECRET'] ?? '', Math.floor(Date.now() / 1000));
const headers = { 'elevenlabs-signature': signature, 'content-type': 'application/json' };
const { status } = await deliver({ url: new URL('/elevenlabs/webhook', host.url), headers, body: bodyOf(body) });
events.push(`answers ${status}`);
const health = await deliver({ url: new URL('/health', host.url), method: 'GET' });
events.push(`is ${health.status === 200 ? 'healthy' : health.text}`);

const isExpected = process.env['EXPECTS_TELEMETRY'] === 'true';
while (isExpected && !events.some((event) => event.includes('appInsights'))) await sleep(20);
await host.close();
console.log(JSON.stringify(events));
process.exit(0);
