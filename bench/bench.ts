// npm run bench: what this app costs, as one table. Ratios come from one run on one machine; absolute times do not travel.
import { parseArgs } from 'node:util';
import { startAzurite } from '../tools/azurite.ts';
import { measureMemory } from './memory.ts';
import { measurePath } from './path.ts';
import { measurePreCall } from './preCall.ts';
import type { Row } from './row.ts';
import { measureTranscript } from './transcript.ts';

const { values } = parseArgs({ options: { json: { type: 'boolean' } } });

const azurite = await startAzurite({ port: 0, inMemory: true });
const rows: Row[] = [];
try {
  for (const measure of [measurePath, measureTranscript, measureMemory, measurePreCall]) {
    process.stderr.write(`${measure.name} …\n`);
    rows.push(...(await measure(azurite.connectionString)));
  }
} finally {
  await azurite.stop();
}
if (values.json === true) console.log(JSON.stringify(rows, null, 2));
else console.table(Object.fromEntries(rows.map(({ what, ...columns }) => [what, columns])));
process.exit(rows.every((row) => row.met !== 'no') ? 0 : 1);
