// npm run check-settings: what the app would say about its settings, before it is deployed with them.
import { parseArgs } from 'node:util';
import { type Configuration, readSettings } from '../../src/lib/settings/settings.ts';
import { readTelemetrySettings } from '../../src/lib/settings/telemetrySettings.ts';
import { readSettingsFrom, resolveReferences, SettingsSourceError } from './checkSettings/source.ts';
import { LocalSettingsError, readLocalSettings } from './localSettings.ts';

const usage = `Usage: npm run check-settings [-- FILE] [--json]

Says which settings the app would refuse, which it would warn about, and what that would cost. Without FILE it checks the
environment and local.settings.json. FILE may be a local.settings.json, an object of names and values, or, with - for standard
input, what Azure has:

  az functionapp config appsettings list --name APP --resource-group GROUP | npm run -s check-settings -- -

  --json   one JSON object

Exit code 0 when nothing would be refused, 1 when something would, 2 for wrong usage or settings that cannot be read. No
value is ever printed.`;

/** What a setting would cost: `post-call` and `pre-call` answer 503, `health` is red and all else goes on, `telemetry` is off. */
type Cost = 'post-call' | 'pre-call' | 'health' | 'telemetry';

interface Finding {
  readonly setting: string;
  readonly message: string;
}

interface Report {
  readonly outcome: 'ok' | 'problems';
  readonly costs: readonly Cost[];
  readonly problems: readonly Finding[];
  readonly warnings: readonly Finding[];
  /** Key Vault references: only Azure sees what they stand for. */
  readonly unchecked: readonly string[];
}

const CONSEQUENCES: Record<Cost, string> = {
  'post-call': 'the webhook answers 503 to every delivery',
  'pre-call': 'pre-call answers 503',
  health: '/health is red',
  telemetry: 'telemetry is off',
};

process.exitCode = main();

function main(): number {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
    });
    if (values.help === true) {
      console.log(usage);
      return 0;
    }
    if (positionals.length > 1) throw new SettingsSourceError('One file at a time');
    const report = check(positionals[0]);
    console.log(values.json === true ? JSON.stringify(report) : textOf(report));
    return report.outcome === 'ok' ? 0 : 1;
  } catch (error) {
    const isUsage = String((error as { code?: unknown }).code).startsWith('ERR_PARSE_ARGS');
    if (!isUsage && !(error instanceof SettingsSourceError || error instanceof LocalSettingsError)) throw error;
    console.error(`${(error as Error).message}${isUsage ? `\n\n${usage}` : ''}`);
    return 2;
  }
}

function check(file: string | undefined): Report {
  const { settings, unchecked } =
    file === undefined
      ? { settings: { ...readLocalSettings(), ...process.env }, unchecked: [] }
      : resolveReferences(readSettingsFrom(file));
  const configuration = readSettings(settings);
  const telemetry = readTelemetrySettings(settings);
  const preCallProblems = configuration.isPreCallUsed ? configuration.preCallProblems : [];
  const problems = [...configuration.problems, ...preCallProblems, ...telemetry.problems];
  return {
    outcome: problems.length === 0 ? 'ok' : 'problems',
    costs: costsOf(configuration, telemetry.problems.length > 0),
    problems: problems.map(found),
    warnings: [...configuration.warnings, ...configuration.preCallWarnings].map(found),
    unchecked,
  };
}

function found({ setting, message }: Finding): Finding {
  return { setting, message };
}

function costsOf(configuration: Configuration, hasTelemetryProblem: boolean): Cost[] {
  const { postCall, preCall, isPreCallUsed, problems } = configuration;
  const costs: Record<Cost, boolean> = {
    'post-call': postCall === undefined,
    'pre-call': isPreCallUsed && preCall === undefined,
    health: problems.length > 0,
    telemetry: hasTelemetryProblem,
  };
  return (Object.keys(costs) as Cost[]).filter((cost) => costs[cost]); // of the record above
}

function textOf({ outcome, costs, problems, warnings, unchecked }: Report): string {
  return [
    ...problems.map(({ setting, message }) => `error: setting ${setting} ${message}`),
    ...warnings.map(({ setting, message }) => `warning: setting ${setting} ${message}`),
    ...unchecked.map(
      (setting) => `not checked: setting ${setting} is a Key Vault reference, whose value only Azure sees`,
    ),
    outcome === 'ok'
      ? 'Nothing would be refused.'
      : `With these settings ${costs.map((cost) => CONSEQUENCES[cost]).join(', ')}.`,
  ].join('\n');
}
