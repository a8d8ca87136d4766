import { prepareSampleChecks } from './preCall/sample.ts';
import { openServices } from './services.ts';

/** The one set of services that the functions share. Read when the app module loads: on a warm placeholder the environment is complete only then (A§4.1). */
export const services = openServices(process.env);

// The first caller is not to wait for the thread that looks at samples.
if (services.preCall !== undefined) prepareSampleChecks();

for (const { setting, message } of services.configuration.problems)
  console.error(`error: setting ${setting} ${message}`);
