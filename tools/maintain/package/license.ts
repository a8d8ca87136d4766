/** The SPDX licence that a package.json states; older ones have a list in place of it. */
export function statedLicense({ license, licenses }: { license?: string; licenses?: { type: string }[] }): string {
  return license ?? licenses?.map(({ type }) => type).join(' OR ') ?? 'none stated';
}
