// npm run package: what is deployed, as a folder, as a zip of the same files, and with a list of what is in it.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zipSync } from 'fflate';
import { Failure } from '../command/errors.ts';
import { fromUser, json, path } from '../command/option.ts';
import { note, printJson } from '../command/output.ts';
import { runCommand } from '../command/run.ts';
import { type AppFiles, appFiles } from './package/appFiles.ts';
import { sbom } from './package/sbom.ts';
import { thirdParties } from './package/thirdParties.ts';

const repository = new URL('../../', import.meta.url);
/** A zip knows no date before 1980; read as local time, so the same everywhere. */
const NO_TIME = new Date(1980, 0, 1);

await runCommand({
  name: 'package',
  options: { out: path('FOLDER', 'where (default out, in the repository)'), json },
  details: `The same source and dependencies give the same bytes.

  app/                     the files, as azd takes them
  elevenlabs-webhook.zip   the same files, as the workflow deploys them
  sbom.cdx.json            the packages that are in the bundle (CycloneDX)`,
  run: ({ values }) => pack(values.out ?? fileURLToPath(new URL('out', repository)), values.json),
});

async function pack(out: string, asJson: boolean): Promise<number> {
  const built = new URL('dist/meta.json', repository);
  if (!existsSync(built)) throw new Failure('Not built yet: npm run build');
  const manifest = {
    ...JSON.parse(readFileSync(new URL('package.json', repository), 'utf8')),
    version: JSON.parse(readFileSync(built, 'utf8')).version,
  };
  const parties = thirdParties(repository);
  const files = appFiles(repository, manifest, parties);
  note(`package: packing ${Object.keys(files).length} files, with code of ${parties.length} packages`);
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
  if (asJson) printJson(report);
  else console.log(describe(report));
  return 0;
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
    `${relative(fromUser('.'), report.file)}`,
    `size    ${megabytes(report.bytes)} (${report.bytes} bytes; ${megabytes(report.unzippedBytes)} unzipped)`,
    `sha256  ${report.sha256}`,
  ].join('\n');
}
