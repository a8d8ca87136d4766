import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseEnv } from 'node:util';
import { Failure } from '../command/errors.ts';

/**
 * The values of azd's environment, as `azd env get-values` shows them: `.azure/<name>/.env`, of the environment that
 * `AZURE_ENV_NAME` or azd's own choice names (https://learn.microsoft.com/azure/developer/azure-developer-cli/manage-environment-variables).
 *
 * @throws Failure when there is none: nothing was deployed from this folder.
 */
export function readAzdEnvironment(
  root = fileURLToPath(new URL('../../', import.meta.url)),
  environment: NodeJS.ProcessEnv = process.env,
): Record<string, string> {
  const folder = join(root, '.azure');
  const name = environment['AZURE_ENV_NAME'] || defaultEnvironment(join(folder, 'config.json'));
  if (name === undefined)
    throw new Failure('azd has no environment here: run azd up first, or name the account with --account NAME.');
  try {
    const values = Object.entries(parseEnv(readFileSync(join(folder, name, '.env'), 'utf8')));
    return Object.fromEntries(values.flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])));
  } catch (cause) {
    throw new Failure(
      `azd's environment ${name} cannot be read: see azd env list, or name the account with --account NAME.`,
      { cause },
    );
  }
}

function defaultEnvironment(file: string): string | undefined {
  try {
    const { defaultEnvironment: name } = JSON.parse(readFileSync(file, 'utf8')) as { defaultEnvironment?: unknown };
    return typeof name === 'string' && name !== '' ? name : undefined;
  } catch {
    return undefined;
  }
}
