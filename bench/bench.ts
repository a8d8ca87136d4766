// npm run bench: what this app costs, as one table. Ratios come from one run on one machine; absolute times do not travel.
import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { measureAudio } from './groups/audio.ts';
import { measureAudioCpu } from './groups/audioCpu.ts';
import { measureColdStart } from './groups/coldStart.ts';
import { measureGrowth } from './groups/growth.ts';
import { measureMemory } from './groups/memory.ts';
import { measurePeers } from './groups/peers.ts';
import { measurePreCall } from './groups/preCall.ts';
import { measureRefusals } from './groups/refusals.ts';
import { measureTranscripts } from './groups/transcripts.ts';
import { lookAtMachine } from './machine.ts';
import { type Run, resultOf, results } from './result.ts';
import type { Row } from './row.ts';
import { measureIn, type Room } from './world.ts';

const rooms: Record<string, Room> = {
  'audio-cpu': measureAudioCpu,
  audio: measureAudio,
  peers: measurePeers,
  memory: measureMemory,
  transcripts: measureTranscripts,
  refusals: measureRefusals,
  'cold-start': measureColdStart,
  'pre-call': measurePreCall,
  growth: measureGrowth,
};
const inShortForm = ['audio-cpu', 'peers', 'memory', 'transcripts', 'cold-start', 'pre-call'];

const usage = `Usage: npm run bench [-- --only GROUP] [--short] [--json]

  --only GROUP   one of ${Object.keys(rooms).join(', ')}; may be repeated
  --short        under a minute, with loose targets that catch a real loss on any machine
  --json         JSON instead of the table

Writes ${results.full} (or ${results.short}), which npm run bench:publish puts into the docs. Exit code 1: a target
is missed.`;

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    short: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const groups = values.only ?? (values.short ? inShortForm : Object.keys(rooms));
if (values.help || groups.some((group) => rooms[group] === undefined)) {
  console.error(usage);
  process.exit(values.help ? 0 : 2);
}

const start = performance.now();
const seconds = () => Math.round((performance.now() - start) / 1000);
const machine = lookAtMachine();
const rows: Run['rows'] = [];
for (const group of groups) {
  const room = rooms[group] as Room; // looked up above
  const say = (progress: string) => process.stderr.write(`${String(seconds()).padStart(4)} s  ${group}: ${progress}\n`);
  say('…');
  for (const row of await measureIn(room, values.short, say).catch(failed)) rows.push({ group, ...row });
}

const isWhole = !values.short && values.only === undefined;
const run: Run = { ...machine, isShort: values.short, isWhole, seconds: seconds(), rows };
const file = resultOf(run);
mkdirSync(new URL('.', file), { recursive: true });
writeFileSync(file, `${JSON.stringify(run, null, 2)}\n`);
if (values.json) console.log(JSON.stringify(run, null, 2));
else console.table(Object.fromEntries(rows.map(({ group, what, figures, ...columns }) => [what, columns])));
process.exit(rows.every((row) => row.met !== 'no') ? 0 : 1);

/** What is left to be measured may still be worth knowing. */
function failed(error: unknown): Row[] {
  console.error(error);
  return [
    { what: 'could not be measured', measured: String(error), against: '-', target: '-', met: 'no', figures: {} },
  ];
}
