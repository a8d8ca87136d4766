// npm run check-settings: what the app would say about its settings, before it is deployed with them.
import { onePerSetting } from '../../src/lib/settings/settingProblems.ts';
import { type Configuration, readSettings } from '../../src/lib/settings/settings.ts';
import { readTelemetrySettings } from '../../src/lib/settings/telemetrySettings.ts';
import { UsageError } from '../command/errors.ts';
import { fromUser, json } from '../command/option.ts';
import { printJson } from '../command/output.ts';
import { runCommand } from '../command/run.ts';
import { readSettingsFrom, resolveReferences } from './checkSettings/source.ts';
import { LocalSettingsError, readLocalSettings } from './localSettings.ts';

/** What a setting would cost: `post-call` and `pre-call` answer 503, `reconciliation`, the directory of `callers` and `telemetry` are off, `health` is red and all else goes on. */
type Cost = 'post-call' | 'pre-call' | 'initiation' | 'reconciliation' | 'callers' | 'health' | 'telemetry';

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
  initiation: 'the initiation webhook answers 503, and calls may not begin',
  reconciliation: 'what no webhook brings is not fetched',
  callers: 'nobody is known by number',
  health: '/health is red',
  telemetry: 'telemetry is off',
};

await runCommand({
  name: 'check-settings',
  operands: { shown: '[FILE]', most: 1 },
  options: { json },
  details: `Without FILE it checks the environment and local.settings.json. FILE may be a local.settings.json, an object of names and
values, or, with - for standard input, what Azure has:

  az functionapp config appsettings list --name APP --resource-group GROUP | ./elw check-settings -

No value is ever printed. The exit code is 1 when something would be refused, 2 also for settings that cannot be read.`,
  run({ values, operands: [file] }) {
    const report = check(file === undefined || file === '-' ? file : fromUser(file));
    if (values.json) printJson(report);
    else console.log(textOf(report));
    return report.outcome === 'ok' ? 0 : 1;
  },
});

function check(file: string | undefined): Report {
  const { settings, unchecked } =
    file === undefined
      ? { settings: { ...localSettings(), ...process.env }, unchecked: [] }
      : resolveReferences(readSettingsFrom(file));
  const configuration = readSettings(settings);
  const telemetry = readTelemetrySettings(settings);
  const preCallProblems = configuration.isPreCallUsed ? configuration.preCallProblems : [];
  const { reconciliation, initiation } = configuration;
  const reconcileProblems = reconciliation.isEnabled ? reconciliation.problems : [];
  const problems = onePerSetting([
    ...configuration.problems,
    ...preCallProblems,
    ...reconcileProblems,
    ...configuration.callers.problems,
    ...(initiation.isUsed ? initiation.problems : []),
    ...telemetry.problems,
  ]);
  return {
    outcome: problems.length === 0 ? 'ok' : 'problems',
    costs: costsOf(configuration, telemetry.problems.length > 0),
    problems: problems.map(found),
    warnings: [...configuration.warnings, ...configuration.preCallWarnings, ...initiation.warnings].map(found),
    unchecked,
  };
}

/** Settings that cannot be read have not been checked: exit code 2, where 1 says that they would be refused. */
function localSettings(): Record<string, string> {
  try {
    return readLocalSettings();
  } catch (error) {
    if (error instanceof LocalSettingsError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}

function found({ setting, message }: Finding): Finding {
  return { setting, message };
}

function costsOf(configuration: Configuration, hasTelemetryProblem: boolean): Cost[] {
  const { postCall, preCall, isPreCallUsed, problems, initiation, reconciliation, callers } = configuration;
  const costs: Record<Cost, boolean> = {
    'post-call': postCall === undefined,
    'pre-call': isPreCallUsed && preCall === undefined,
    initiation: initiation.isUsed && initiation.settings === undefined,
    reconciliation: reconciliation.isEnabled && reconciliation.settings === undefined,
    callers: callers.settings === undefined,
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
