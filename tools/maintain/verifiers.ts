// npm run verifiers: what other verifiers on npm make of our signature vectors.
import { type SignatureCase, signatureCases } from '../../tests/vectors/cases.ts';
import { flag, json } from '../command/option.ts';
import { printJson } from '../command/output.ts';
import { runCommand } from '../command/run.ts';
import { type Verdict, verdictOf } from './verifiers/verifier.ts';

interface Row {
  readonly file: string;
  readonly name: string;
  readonly ours: SignatureCase['expect']['verdict'];
  readonly others: Readonly<Record<string, Verdict | undefined>>;
}

await runCommand({
  name: 'verifiers',
  options: { all: flag('all cases, also those on which all agree'), json },
  details: `Runs tests/vectors/*.json through them and prints where their verdict is another than ours, which is the expected one of each
case. What that means is in tests/vectors/README.md.`,
  run: ({ values }) => compare(values.all, values.json),
});

async function compare(showsAll: boolean, asJson: boolean): Promise<number> {
  const { otherVerifiers } = await import('./verifiers/others.ts'); // whole SDKs: only when they are asked
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
  if (asJson) printJson({ verifiers, cases: rows });
  else print(verifiers, showsAll ? rows : rows.filter(isDisputed));
  return 0;
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
