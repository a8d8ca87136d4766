// npm run verifiers: what other verifiers on npm make of our signature vectors.
import { parseArgs } from 'node:util';
import { type SignatureCase, signatureCases } from '../../tests/vectors/cases.ts';
import { otherVerifiers } from './verifiers/others.ts';
import { type Verdict, verdictOf } from './verifiers/verifier.ts';

const usage = `Usage: npm run verifiers [-- --all] [--json]

Runs tests/vectors/*.json through other verifiers and prints where their verdict is another than ours, which is the
expected one of each case. What that means stands in tests/vectors/README.md.

  --all     all cases, those on which all agree, too
  --json    one JSON document (npm run -s verifiers keeps npm's own lines out of it)`;

interface Row {
  readonly file: string;
  readonly name: string;
  readonly ours: SignatureCase['expect']['verdict'];
  readonly others: Readonly<Record<string, Verdict | undefined>>;
}

const { values } = parseArgs({
  options: { all: { type: 'boolean' }, json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
});
if (values.help === true) console.log(usage);
else await main();

async function main(): Promise<void> {
  const rows: Row[] = [];
  for (const [file, cases] of signatureCases()) {
    for (const vector of cases) {
      const others: Record<string, Verdict | undefined> = {};
      for (const verifier of otherVerifiers) others[verifier.name] = await verdictOf(verifier, vector);
      rows.push({ file, name: vector.name, ours: vector.expect.verdict, others });
    }
  }
  const verifiers = otherVerifiers.map(({ name, package: source, adapted }) => ({
    name,
    package: source,
    ...(adapted === undefined ? {} : { adapted }),
    ...countsOf(name, rows),
  }));
  if (values.json === true) console.log(JSON.stringify({ verifiers, cases: rows }, null, 2));
  else print(verifiers, values.all === true ? rows : rows.filter(isDisputed));
}

/** Of all cases: how many were tried, and on how many the verifier is of another opinion than ours. */
function countsOf(name: string, rows: readonly Row[]) {
  const tried = rows.filter(({ others }) => others[name] !== undefined);
  const count = (ours: Row['ours'], ...theirs: Verdict[]) =>
    tried.filter((row) => row.ours === ours && theirs.some((verdict) => row.others[name] === verdict)).length;
  return {
    tried: tried.length,
    acceptsWhatWeRefuse: count('refused', 'genuine'),
    refusesWhatIsGenuine: count('genuine', 'refused', 'fails'),
    failsOtherwise: count('refused', 'fails'),
  };
}

function isDisputed({ ours, others }: Row): boolean {
  return Object.values(others).some((verdict) => verdict !== undefined && verdict !== ours);
}

function print(verifiers: readonly (ReturnType<typeof countsOf> & { name: string; adapted?: string })[], rows: Row[]) {
  console.table(
    Object.fromEntries(
      rows.map(({ file, name, ours, others }) => [
        `${file}: ${name}`,
        { ours, ...Object.fromEntries(Object.entries(others).map(([key, verdict]) => [key, verdict ?? '–'])) },
      ]),
    ),
  );
  console.table(Object.fromEntries(verifiers.map(({ name, adapted: _, ...counts }) => [name, counts])));
  for (const { name, adapted } of verifiers) if (adapted !== undefined) console.log(`${name}: ${adapted}.`);
}
