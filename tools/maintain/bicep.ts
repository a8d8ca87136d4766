// Runs the Bicep compiler, and fetches it when the machine has none: `npm run bicep -- lint infra/main.bicep`.
import { spawn } from 'node:child_process';
import { findBicep } from './bicep/findBicep.ts';

spawn(await findBicep(), process.argv.slice(2), { stdio: 'inherit' }).on('close', (code) => {
  process.exitCode = code ?? 1;
});
