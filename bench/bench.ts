// npm run bench: what this app costs, as one table. Ratios come from one run on one machine; absolute times do not travel.
import { mkdirSync, writeFileSync } from 'node:fs';
import { UsageError } from '../tools/command/errors.ts';
import { flag, json } from '../tools/command/option.ts';
import { printJson } from '../tools/command/output.ts';
import { runCommand } from '../tools/command/run.ts';
import { type Group, measureIn } from './context.ts';
import { measureAudio } from './groups/audio.ts';
import { measureAudioCpu } from './groups/audioCpu.ts';
import { measureColdStart } from './groups/coldStart.ts';
import { measureGrowth } from './groups/growth.ts';
import { measureInitiation } from './groups/initiation.ts';
import { measureMemory } from './groups/memory.ts';
import { measurePeers } from './groups/peers.ts';
import { measurePreCall } from './groups/preCall.ts';
import { measureRefusals } from './groups/refusals.ts';
import { measureTranscripts } from './groups/transcripts.ts';
import { lookAtMachine } from './machine.ts';
import { type Run, resultOf, results } from './result.ts';
import type { Row } from './row.ts';

const groups: Record<string, Group> = {
  'audio-cpu': measureAudioCpu,
  audio: measureAudio,
  peers: measurePeers,
  memory: measureMemory,
  transcripts: measureTranscripts,
  refusals: measureRefusals,
  'cold-start': measureColdStart,
  'pre-call': measurePreCall,
  initiation: measureInitiation,
  growth: measureGrowth,
};
const inShortForm = ['audio-cpu', 'peers', 'memory', 'transcripts', 'cold-start', 'pre-call'];

await runCommand({
  name: 'bench',
  operands: { shown: '[GROUP ...]', most: Object.keys(groups).length },
  options: {
    short: flag('under a minute, with loose targets that catch a real loss on any machine'),
    json,
  },
  details: `Writes ${results.full} (or ${results.short}), which npm run bench:publish puts into the docs. Fails when a target is
missed. The groups: ${Object.keys(groups).join(', ')}.`,
  run: ({ values, operands }) => bench(operands, values),
});
// What a group has left open, sockets and processes, ends here.
process.exit();

async function bench(named: readonly string[], { short, json }: { short: boolean; json: boolean }): Promise<number> {
  const unknown = named.filter((name) => groups[name] === undefined);
  if (unknown.length > 0)
    throw new UsageError(`There is no group ${unknown.join(', ')}: ${Object.keys(groups).join(', ')}`);
  const names = named.length > 0 ? named : short ? inShortForm : Object.keys(groups);
  const start = performance.now();
  const seconds = () => Math.round((performance.now() - start) / 1000);
  const machine = lookAtMachine();
  const rows: Run['rows'] = [];
  for (const name of names) {
    const group = groups[name] as Group; // looked up above
    const say = (progress: string) =>
      process.stderr.write(`${String(seconds()).padStart(4)} s  ${name}: ${progress}\n`);
    say('…');
    for (const row of await measureIn(group, short, say).catch(failed)) rows.push({ group: name, ...row });
  }

  const isWhole = !short && named.length === 0;
  const run: Run = { ...machine, isShort: short, isWhole, seconds: seconds(), rows };
  const file = resultOf(run);
  mkdirSync(new URL('.', file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(run, null, 2)}\n`);
  if (json) printJson(run);
  else console.table(Object.fromEntries(rows.map(({ group, what, figures, ...columns }) => [what, columns])));
  return rows.every((row) => row.met !== 'no') ? 0 : 1;
}

/** What is left to be measured may still be worth knowing. */
function failed(error: unknown): Row[] {
  console.error(error);
  return [
    { what: 'could not be measured', measured: String(error), against: '-', target: '-', met: 'no', figures: {} },
  ];
}
