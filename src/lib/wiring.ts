import { nodeProblem } from './nodeVersion.ts';
import { prepareSampleChecks } from './preCall/sample/sample.ts';
import { openServices } from './services.ts';
import { readTelemetrySettings } from './settings/telemetrySettings.ts';
import { LazyTelemetry } from './telemetry/lazyTelemetry.ts';

const { settings: telemetrySettings, problems: telemetryProblems } = readTelemetrySettings(process.env);

/** Undefined unless it is switched on: then nothing of it is loaded, ever. */
export const telemetry =
  telemetrySettings &&
  new LazyTelemetry(async () => (await import('./telemetry/appInsights.ts')).openAppInsights(telemetrySettings));

/** The one set of services that the functions share. Read when the app module loads: on a warm placeholder the environment is complete only then (A§4.1). */
export const services = openServices(process.env, { telemetry });

// The first caller is not to wait for the thread that looks at samples.
if (services.preCall !== undefined) prepareSampleChecks();

for (const { setting, message } of [...services.configuration.problems, ...telemetryProblems])
  console.error(`error: setting ${setting} ${message}`);

const node = nodeProblem();
if (node !== undefined)
  console.error(
    `error: Node ${node.node} is too old: this app needs ${node.needs}, and storage cannot be reached with less`,
  );
