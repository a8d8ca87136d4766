import { nodeProblem } from './nodeVersion.ts';
import { prepareSampleChecks } from './preCall/sample/sample.ts';
import { openServices } from './services.ts';
import { readTelemetrySettings } from './settings/telemetrySettings.ts';
import { LazyTelemetry } from './telemetry/lazyTelemetry.ts';
import { sayAtStart } from './telemetry/log.ts';

const { settings: telemetrySettings, problems: telemetryProblems } = readTelemetrySettings(process.env);

/** Undefined unless it is switched on: then nothing of it is loaded, ever. */
export const telemetry =
  telemetrySettings &&
  new LazyTelemetry(async () => (await import('./telemetry/appInsights.ts')).openAppInsights(telemetrySettings));

/**
 * The one set of services that the functions share. Read when the app module loads: on a warm placeholder the environment
 * is complete only then (`FunctionEnvironmentReloadHandler.ts` in github.com/Azure/azure-functions-nodejs-worker).
 */
export const services = openServices(process.env, { telemetry });

// The first caller is not to wait for the thread that looks at samples.
if (services.preCall !== undefined) prepareSampleChecks();

const {
  problems,
  isPreCallUsed,
  preCallProblems,
  warnings,
  preCallWarnings,
  reconciliation,
  callers,
  initiation,
  log,
} = services.configuration;
for (const { setting, message } of [...problems, ...(isPreCallUsed ? preCallProblems : []), ...telemetryProblems])
  sayAtStart('ERROR', `setting ${setting} ${message}`, log);
for (const { setting, message, level } of [...warnings, ...preCallWarnings])
  sayAtStart(level, `setting ${setting} ${message}`, log);
for (const { setting, message } of reconciliation.isEnabled ? reconciliation.problems : [])
  sayAtStart('WARNING', `setting ${setting} ${message}; reconciliation is off`, log);
for (const { setting, message } of callers.problems)
  sayAtStart('WARNING', `setting ${setting} ${message}; nobody is known by number`, log);

for (const { setting, message } of initiation.isUsed ? initiation.problems : [])
  sayAtStart('ERROR', `setting ${setting} ${message}; the initiation webhook answers 503`, log);
for (const { setting, message, level } of initiation.warnings) sayAtStart(level, `setting ${setting} ${message}`, log);

const node = nodeProblem();
if (node !== undefined) {
  const message = `Node ${node.node} is too old: this app needs ${node.needs}, and storage cannot be reached with less`;
  sayAtStart('ERROR', message, log);
}
