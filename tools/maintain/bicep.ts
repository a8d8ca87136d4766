// Runs the Bicep compiler, and fetches it when the machine has none: `npm run bicep -- lint infra/main.bicep`.
// Whatever it is given is the compiler's own, so it has no options of ours.
import { spawn } from 'node:child_process';
import { note } from '../command/output.ts';
import { findBicep } from './bicep/findBicep.ts';

try {
  spawn(await findBicep(), process.argv.slice(2), { stdio: 'inherit' }).on('close', (code) => {
    process.exitCode = code ?? 1;
  });
} catch (error) {
  note(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
