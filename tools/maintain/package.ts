// npm run package: what is deployed, as a folder, as a zip of the same files, and with a list of what is in it.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { zipSync } from 'fflate';
import { type AppFiles, appFiles } from './package/appFiles.ts';
import { sbom } from './package/sbom.ts';
import { thirdParties } from './package/thirdParties.ts';

const usage = `Usage: npm run package [-- --out FOLDER] [--json]

Packs the app for deployment. The same source and dependencies give the same bytes.

  app/                     the files, as azd takes them
  elevenlabs-webhook.zip   the same files, as the workflow deploys them
  sbom.cdx.json            the packages that are in the bundle (CycloneDX)

  --out FOLDER   where (default out, in the repository)
  --json         size and SHA-256 as JSON
  --help         this text`;

const repository = new URL('../../', import.meta.url);
/** A zip knows no date before 1980; read as local time, so the same everywhere. */
const NO_TIME = new Date(1980, 0, 1);

process.exitCode = await main().catch((error: unknown) => {
  const isUsage = String((error as { code?: unknown }).code).startsWith('ERR_PARSE_ARGS');
  console.error(error instanceof Error ? error.message : error, isUsage ? `\n\n${usage}` : '');
  return isUsage ? 2 : 1;
});

async function main(): Promise<number> {
  const options = {
    out: { type: 'string' },
    json: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  } as const;
  const { values } = parseArgs({ options });
  if (values.help === true) {
    console.log(usage);
    return 0;
  }
  const built = new URL('dist/meta.json', repository);
  if (!existsSync(built)) throw new Error('Not built yet: npm run build');
  const out = values.out === undefined ? fileURLToPath(new URL('out', repository)) : fromWhereTheUserIs(values.out);
  const manifest = {
    ...JSON.parse(readFileSync(new URL('package.json', repository), 'utf8')),
    version: JSON.parse(readFileSync(built, 'utf8')).version,
  };
  const parties = thirdParties(repository);
  const files = appFiles(repository, manifest, parties);
  say(`packing ${Object.keys(files).length} files, with code of ${parties.length} packages`);
  const zip = zipSync(files, { level: 9, mtime: NO_TIME });

  const { name, version, license } = manifest;
  const zipFile = join(out, `${name}.zip`);
  await writeFolder(join(out, 'app'), files);
  await writeFile(zipFile, zip);
  await writeFile(
    join(out, 'sbom.cdx.json'),
    `${JSON.stringify(sbom({ name, version, license }, parties), null, 2)}\n`,
  );

  const report = {
    file: zipFile,
    bytes: zip.length,
    unzippedBytes: Object.values(files).reduce((sum, { length }) => sum + length, 0),
    sha256: createHash('sha256').update(zip).digest('hex'),
  };
  if (values.json === true) console.log(JSON.stringify(report));
  else console.log(describe(report));
  return 0;
}

/** npm runs scripts in the repository and keeps in INIT_CWD where the user is. */
function fromWhereTheUserIs(path: string): string {
  return resolve(process.env['INIT_CWD'] ?? '.', path);
}

async function writeFolder(folder: string, files: AppFiles): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  for (const [path, bytes] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), bytes);
  }
}

function describe(report: { file: string; bytes: number; unzippedBytes: number; sha256: string }): string {
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(2)} MB`;
  return [
    `${relative(process.env['INIT_CWD'] ?? '.', report.file)}`,
    `size    ${megabytes(report.bytes)} (${report.bytes} bytes; ${megabytes(report.unzippedBytes)} unzipped)`,
    `sha256  ${report.sha256}`,
  ].join('\n');
}

function say(text: string): void {
  console.error(`package: ${text}`);
}
