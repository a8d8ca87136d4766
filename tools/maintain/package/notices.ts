import type { ThirdParty } from './thirdParties.ts';

/** The licence texts of what is bundled; packages with the same text share it. */
export function notices(parties: readonly ThirdParty[]): string {
  const groups = new Map<string, ThirdParty[]>();
  for (const party of parties) {
    const text = party.texts.join('\n\n') || `No licence file in the package; it states: ${party.license}`;
    groups.set(text, [...(groups.get(text) ?? []), party]);
  }
  const sections = [...groups].map(([text, users]) => `${users.map(title).join('\n')}\n\n${text}\n`);
  return ['This app contains code of the packages below, under their licences.\n', ...sections].join(
    `\n${'-'.repeat(80)}\n\n`,
  );
}

function title({ name, version, license }: ThirdParty): string {
  return `${name} ${version} (${license})`;
}
