// npm run doctor: what is wrong with the app, its settings, and what ElevenLabs knows of it. Looks and changes nothing.
import { Failure, UsageError } from '../command/errors.ts';
import { flag, json, port, text } from '../command/option.ts';
import { paint, printJson, progress } from '../command/output.ts';
import { runCommand } from '../command/run.ts';
import { readAzdEnvironment } from './azdEnvironment.ts';
import { AzureApi, azureOf } from './azure/azureApi.ts';
import { readConnectTarget } from './connect/target.ts';
import { checks } from './doctor/checks.ts';
import { Doctor, type DoctorContext } from './doctor/doctor.ts';
import { examine, type Finding, type Status } from './doctor/finding.ts';
import { azureContext, localContext } from './doctor/source.ts';
import { readEnvironmentPort } from './environmentPort.ts';
import { readLocalSettings } from './localSettings.ts';
import { readOptionalKey } from './operatorKey.ts';

const COLOURS = { ok: 'green', warning: 'yellow', failed: 'red', skipped: 'gray' } as const;

await runCommand({
  name: 'doctor',
  options: {
    url: text(
      'ADDRESS',
      'where the app is reached (default http://127.0.0.1:7071, or PORT; with --azure the one of azd)',
    ),
    azure: flag('an app at Azure, with your sign-in: its settings, vault, address rules and storage'),
    'storage-port': port("Azurite's port, for an app on this machine (else STORAGE_PORT, else 10000)"),
    json,
  },
  details: `Each line is ok, warning, failed (with what to do), or skipped (with what it takes to look). The exit code is 1 when one
has failed. ELEVENLABS_OPERATOR_API_KEY is the key for ElevenLabs, with webhooks_write, convai_read, voices_read and user_read;
without it what needs it is skipped.`,
  async run({ values }) {
    const context = await contextOf(values);
    const doctor = new Doctor(context);
    const counts: Record<Status, number> = { ok: 0, warning: 0, failed: 0, skipped: 0 };
    for (const check of checks) {
      progress(check.name);
      const findings = await examine(check, doctor);
      progress('');
      for (const finding of findings) {
        counts[finding.status] += 1;
        if (values.json) printJson({ check: check.name, ...finding });
        else print(check.name, finding);
      }
    }
    await context.workspace?.close();
    await context.client?.close();
    if (values.json) printJson({ summary: counts });
    else
      console.log(
        `\n${Object.entries(counts)
          .map(([status, count]) => `${count} ${status}`)
          .join(', ')}`,
      );
    return counts.failed > 0 ? 1 : 0;
  },
});

async function contextOf(values: {
  url: string | undefined;
  azure: boolean;
  'storage-port': number | undefined;
}): Promise<DoctorContext> {
  const { env } = process;
  const address =
    values.url ?? (values.azure ? azdAddress() : `http://127.0.0.1:${readEnvironmentPort('PORT') ?? 7071}`);
  const source = {
    target: readConnectTarget(address),
    environment: env,
    local: readLocalSettings(),
    operatorKey: await readOptionalKey('goes on without'),
  };
  if (values.azure) return azureContext(source, new AzureApi(await azureOf()));
  return localContext({
    ...source,
    storagePort: values['storage-port'] ?? readEnvironmentPort('STORAGE_PORT') ?? 10000,
  });
}

function azdAddress(): string {
  try {
    const address = readAzdEnvironment()['SERVICE_WEBHOOK_URI'];
    if (address !== undefined) return address;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
  }
  throw new UsageError('azd has no environment with an app here: --url https://<app>');
}

function print(check: string, { status, says, todo }: Finding): void {
  console.log(`${paint(COLOURS[status], status.padEnd(8))}${check.padEnd(18)}${says}`);
  if (todo !== undefined) console.log(`${' '.repeat(26)}→ ${todo}`);
}
