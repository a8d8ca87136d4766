import type { ThirdParty } from './thirdParties.ts';

interface App {
  readonly name: string;
  readonly version: string;
  readonly license: string;
}

/**
 * A CycloneDX 1.5 document of what is in the bundle: not of what npm has installed, which is more. It has no time and no
 * serial number, so that the same build gives the same document. (`npm sbom --omit dev` leaves out every package that a
 * development dependency uses as well, `@azure/functions` among them.)
 */
export function sbom(app: App, parties: readonly ThirdParty[]): object {
  const root = `${app.name}@${app.version}`;
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.5.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: {
      lifecycles: [{ phase: 'build' }],
      component: { type: 'application', 'bom-ref': root, ...app, licenses: licenses(app.license), license: undefined },
    },
    components: parties.map(component),
    dependencies: [{ ref: root, dependsOn: parties.map(purl) }],
  };
}

function component(party: ThirdParty): object {
  const [algorithm, digest] = party.integrity.split('-', 2);
  if (algorithm !== 'sha512' || digest === undefined) throw new Error(`${party.name}: no SHA-512 in the lockfile`);
  return {
    type: 'library',
    'bom-ref': purl(party),
    name: party.name,
    version: party.version,
    purl: purl(party),
    licenses: licenses(party.license),
    hashes: [{ alg: 'SHA-512', content: Buffer.from(digest, 'base64').toString('hex') }],
  };
}

/** Package URL: of the scope's `@` only is encoded. */
function purl({ name, version }: ThirdParty): string {
  return `pkg:npm/${name.replace('@', '%40')}@${version}`;
}

function licenses(spdx: string): object[] {
  return /[ ()]/.test(spdx) ? [{ expression: spdx }] : [{ license: { id: spdx } }];
}
