// Loaded into the app's process with --import: writes how it is, once a second, as JSON lines to the file VITALS_FILE.
import { appendFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc');
const delay = monitorEventLoopDelay({ resolution: 10 });
delay.enable();

let seconds = 0;
const file = process.env.VITALS_FILE;
setInterval(() => {
  const line = {
    residentBytes: process.memoryUsage.rss(),
    peakBytes: process.resourceUsage().maxRSS * 1024,
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
