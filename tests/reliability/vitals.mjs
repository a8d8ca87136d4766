// Loaded into the app's process with --import: writes how it is, once a second, as JSON lines to the file VITALS_FILE.
import { appendFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isMainThread } from 'node:worker_threads';

// A stack trace loads the source maps of the bundle, 20 MB that stay: they belong to npm start, not to the app.
process.setSourceMapsEnabled = () => {};

// The app's own threads load this file, too.
if (isMainThread) watch(process.env.VITALS_FILE);

function watch(file) {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc');
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  let seconds = 0;
  setInterval(() => {
    const { rss, arrayBuffers } = process.memoryUsage();
    const line = {
      residentBytes: rss,
      peakBytes: process.resourceUsage().maxRSS * 1024,
      bufferBytes: arrayBuffers,
      handles: process.getActiveResourcesInfo().length,
      delayMs: delay.percentile(50) / 1e6,
      longDelayMs: delay.percentile(99) / 1e6,
    };
    // What is really held; not every second, because looking at it takes time.
    if (++seconds % 4 === 0) {
      collectGarbage();
      line.heldBytes = process.memoryUsage().heapUsed;
    }
    delay.reset();
    appendFileSync(file, `${JSON.stringify(line)}\n`);
  }, 1_000).unref();
}
