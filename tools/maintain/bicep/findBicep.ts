import { execFile } from 'node:child_process';
import { chmod, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** The version that the snapshots were made with; an older one lacks commands, types and rules. */
const VERSION = '0.49.2';
const cache = fileURLToPath(new URL('../../../.bicep', import.meta.url));

const run = promisify(execFile);

/**
 * The compiler's executable: `bicep` on the PATH, the one of `az bicep install`, else the pinned version from its NuGet
 * package, which needs the .NET SDK.
 *
 * @throws {Error} that says in one line why there is none.
 */
export async function findBicep(): Promise<string> {
  const azureFolder = process.env['AZURE_CONFIG_DIR'] ?? join(homedir(), '.azure');
  for (const command of ['bicep', join(azureFolder, 'bin', executable('bicep'))]) {
    if (await isRecent(command)) return command;
  }
  const fetched = join(cache, VERSION, executable('bicep'));
  if (!(await exists(fetched))) await fetch(fetched);
  return fetched;
}

async function isRecent(command: string): Promise<boolean> {
  try {
    const { stdout } = await run(command, ['--version']);
    const [have = [], want = []] = [stdout, VERSION].map((text) =>
      /\d+\.\d+\.\d+/.exec(text)?.[0].split('.').map(Number),
    );
    const at = want.findIndex((part, index) => part !== have[index]);
    return at === -1 || (have[at] ?? 0) > (want[at] ?? 0);
  } catch {
    return false;
  }
}

/** A project that only downloads: no code, no framework, so any SDK will do. */
async function fetch(target: string): Promise<void> {
  const system = { linux: 'linux', darwin: 'osx', win32: 'win' }[process.platform as string];
  const name = `Azure.Bicep.CommandLine.${system}-${process.arch}`;
  const folder = join(cache, `fetch-${process.pid}`);
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(
      join(folder, 'fetch.csproj'),
      `<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <TargetFramework>netstandard2.0</TargetFramework>
    <DisableImplicitFrameworkReferences>true</DisableImplicitFrameworkReferences>
  </PropertyGroup>
  <ItemGroup>
    <PackageDownload Include="${name}" Version="[${VERSION}]" />
  </ItemGroup>
</Project>
`,
    );
    await run('dotnet', ['restore', join(folder, 'fetch.csproj'), '--packages', join(folder, 'packages')]);
    const fetched = join(folder, 'packages', name.toLowerCase(), VERSION, 'tools', executable('bicep'));
    await chmod(fetched, 0o755);
    await mkdir(join(target, '..'), { recursive: true });
    await rename(fetched, target);
  } catch (error) {
    throw new Error(
      `No Bicep compiler: install "bicep" ${VERSION} or newer, or the .NET SDK, which can fetch ${name}.`,
      {
        cause: error,
      },
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function executable(name: string): string {
  return process.platform === 'win32' ? `${name}.exe` : name;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
