// npm run bench:publish: puts the last whole run of the bench into docs/performance.md, and draws its chart.
import { readFileSync, writeFileSync } from 'node:fs';
import { capacityOf, simulationOf } from './capacity.ts';
import { chartOf } from './chart.ts';
import { type Run, resultOf } from './result.ts';

const docs = new URL('../docs/', import.meta.url);
const page = new URL('performance.md', docs);

const run: Run = JSON.parse(readFileSync(resultOf({ isShort: false }), 'utf8'));
if (!run.isWhole) {
  console.error('The last run has left groups out. Run the whole bench first: npm run bench');
  process.exit(1);
}

let text = readFileSync(page, 'utf8');
const parts = {
  machine: machineOf(run),
  table: tableOf(run),
  capacity: capacityOf(run),
  simulation: simulationOf(run),
};
for (const [name, content] of Object.entries(parts)) {
  const [begin, end] = [`<!-- bench: ${name} -->`, `<!-- /bench: ${name} -->`];
  const [before, after] = [text.indexOf(begin), text.indexOf(end)];
  if (before < 0 || after < before) throw new Error(`docs/performance.md has no part between ${begin} and ${end}`);
  text = `${text.slice(0, before + begin.length)}\n\n${content}\n\n${text.slice(after)}`;
}
writeFileSync(page, text);
writeFileSync(new URL('performance.svg', docs), chartOf(run));
console.error('Written: docs/performance.md, docs/performance.svg');

function machineOf({ date, node, system, processor, cores, memoryGib, loadBefore, seconds }: Run): string {
  const [lastMinute, lastFive] = loadBefore.map((load) => load.toFixed(1));
  return `One run of ${seconds} seconds on ${date}: ${processor}, ${cores} cores, ${memoryGib} GiB, ${system}, Node ${node}; load
average before it ${lastMinute} (one minute) and ${lastFive} (five).`;
}

function tableOf({ rows }: Run): string {
  const cells = rows.map(({ what, measured, against, target, met }) => [what, measured, against, target, met]);
  const line = (columns: readonly string[]) => `| ${columns.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(['what', 'measured', 'against', 'target', 'met']), '|---|---|---|---|---|', ...cells.map(line)].join(
    '\n',
  );
}
