import { fileURLToPath } from 'node:url';
import { type App, startFunctions, WEBHOOK_PATH } from '../apps.ts';
import { bundle, bundlePackage, importMs, nodeMs, packagesIn, runtimeDependencies } from '../bundles.ts';
import type { Context } from '../context.ts';
import { headersOf } from '../load/deliveries.ts';
import { transcriptBody } from '../load/transcriptBody.ts';
import { judge, noTarget, type Row, type Target } from '../row.ts';
import { ratio, show, spread, takeTurns } from '../turns.ts';

const ours = fileURLToPath(new URL('../../dist/index.js', import.meta.url));
const helloTarget: Target = { is: 'at most', limit: 1.5, inShortForm: 3, unit: '× hello' };
const neverTarget: Target = { is: 'at most', limit: 0, inShortForm: 0, unit: 'of telemetry and identity' };
const neverOnThatPath =
  /^(applicationinsights|@azure\/(identity|msal-|monitor-)|@opentelemetry\/(sdk|instrumentation|exporter))/;

/** From the start of the process to the first answer, local host included; and which modules are on the way to it. */
export async function measureColdStart(context: Context): Promise<Row[]> {
  context.say('bundling what is compared');
  const bare = bundle('bench/floors/hello.ts');
  context.say('from the start of the process to the first answer');
  const { hello, health, transcript, node } = await takeTurns(context.isShort ? 3 : 11, {
    hello: () => msUntil(context, bare, askHealth),
    health: () => msUntil(context, ours, askHealth),
    transcript: () => msUntil(context, ours, sendTranscript),
    node: nodeMs,
  });
  const share = ratio(health, hello);
  const beside = `hello world ${show(spread(hello))} ms, Node alone ${show(spread(node))} ms`;
  return [
    {
      what: 'cold start, first /health',
      measured: `${show(share)} ×: ${show(spread(health))} ms`,
      against: beside,
      ...judge(share.median, helloTarget, context.isShort),
      figures: { shareOfHello: share, healthMs: spread(health), helloMs: spread(hello), nodeMs: spread(node) },
    },
    {
      what: 'cold start, first stored transcript',
      measured: `${show(ratio(transcript, hello))} ×: ${show(spread(transcript))} ms`,
      against: beside,
      ...noTarget,
      figures: { transcriptMs: spread(transcript) },
    },
    await modulesRow(context),
  ];
}

async function msUntil({ storage }: Context, entry: string, firstAnswer: (app: App) => Promise<void>): Promise<number> {
  const start = performance.now();
  const app = await startFunctions(entry, storage);
  try {
    await firstAnswer(app);
    return performance.now() - start;
  } finally {
    await app.stop();
  }
}

async function askHealth({ url }: App): Promise<void> {
  const { status } = await fetch(`${url}/health`);
  if (status !== 200) throw new Error(`/health answered ${status}`);
}

async function sendTranscript({ url }: App): Promise<void> {
  const body = transcriptBody(30_000);
  const { status } = await fetch(url + WEBHOOK_PATH, {
    method: 'POST',
    headers: await headersOf(body, 'good'),
    body: new Uint8Array(body),
  });
  if (status !== 200) throw new Error(`the transcript was answered ${status}`);
}

/** Imports each package alone, bundled whole: together they are more than the app, which uses parts of them. */
async function modulesRow(context: Context): Promise<Row> {
  const app = await startFunctions(ours, context.storage, 'tells its files');
  await askHealth(app);
  await sendTranscript(app);
  const loaded = packagesIn(await app.loadedFiles());
  await app.stop();
  const unwanted = [...loaded].filter((name) => neverOnThatPath.test(name));

  context.say('the modules on that path, one by one');
  const names = context.isShort ? [] : runtimeDependencies().filter((name) => loaded.has(name));
  const bundles = Object.fromEntries(names.map((name) => [name, bundlePackage(name)]));
  const turns = await takeTurns(
    5,
    Object.fromEntries(names.map((name) => [name, async () => importMs(bundles[name] ?? '')])),
  );
  const times = Object.entries(turns).map(([name, ms]) => [name, spread(ms)] as const);
  return {
    what: 'cold start, modules on the path',
    measured: `${loaded.size} packages, ${unwanted.length} of telemetry and identity${unwanted.length > 0 ? `: ${unwanted.join(', ')}` : ''}`,
    against:
      times.length === 0
        ? '-'
        : `imported alone: ${times.map(([name, ms]) => `${name} ${ms.median.toFixed(0)} ms`).join(', ')}`,
    ...judge(unwanted.length, neverTarget, context.isShort),
    figures: Object.fromEntries(times.map(([name, ms]) => [`importMs ${name}`, ms])),
  };
}
