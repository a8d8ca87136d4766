import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { otherVerifiers } from '../../tools/maintain/verifiers/others.ts';
import { verdictOf } from '../../tools/maintain/verifiers/verifier.ts';
import { signatureCases } from './cases.ts';

const readme = readFileSync(`${import.meta.dirname}/README.md`, 'utf8');
const cases = [...signatureCases().values()].flat();

/** The findings: those rows of the README's tables whose second column names a case. */
const findings = [...readme.matchAll(/^\| (.+) \| `(.+)` \| (\S+) \| (\S+) \| (\S+) \|$/gm)].map(
  ([, finding = '', name = '', ...verdicts]) => ({ finding, name, verdicts }),
);

describe('what the README says of other verifiers is so:', () => {
  it.each(findings)('$finding', async ({ name, verdicts }) => {
    const vector = cases.find((each) => each.name === name);
    if (vector === undefined) throw new Error(`There is no case ${name}.`);
    const found: string[] = [];
    for (const verifier of otherVerifiers) found.push((await verdictOf(verifier, vector)) ?? '–');
    expect(found).toEqual(verdicts);
  });

  it('each row names one case', () => {
    expect(findings.length).toBeGreaterThan(10);
  });

  it('the versions and the number of cases', () => {
    const { devDependencies } = JSON.parse(readFileSync(`${import.meta.dirname}/../../package.json`, 'utf8'));
    for (const { name, package: source } of otherVerifiers) {
      expect(readme).toContain(`| ${name} ${devDependencies[source]} |`);
    }
    expect(readme).toContain(`| of ${cases.length} cases |`);
    expect(readme).toMatch(new RegExp(`^${cases.length} cases`, 'm'));
  });

  it('they accept the usual form, and refuse it from another sender: they are asked as they should be', async () => {
    for (const verifier of otherVerifiers) {
      for (const [name, verdict] of [
        ['usual form', 'genuine'],
        ['another secret', 'refused'],
      ]) {
        const vector = cases.find((each) => each.name === name);
        expect(vector && (await verdictOf(verifier, vector)), verifier.name).toBe(verdict);
      }
    }
  });
});
