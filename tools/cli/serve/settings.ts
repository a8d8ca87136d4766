import { developmentDefaults } from '../localSettings.ts';

export type Settings = Record<string, string>;

/**
 * The app's settings: environment first, then local.settings.json, then development defaults. An empty variable of the
 * environment counts as set, so that a default can be switched off.
 */
export function combineSettings(environment: NodeJS.ProcessEnv, local: Settings): Settings {
  const chosen: Settings = { ...local };
  for (const [name, value] of Object.entries(environment)) if (value !== undefined) chosen[name] = value;
  const hasIdentity = Object.keys(chosen).some((name) => name.startsWith('AzureWebJobsStorage__'));
  const { AzureWebJobsStorage, ...others } = developmentDefaults;
  return { ...others, ...(hasIdentity ? {} : { AzureWebJobsStorage }), ...chosen };
}

/** Whether deliveries are to be signed with the development secret, which is safe to print. */
export function usesDevelopmentSecret(settings: Settings): boolean {
  return settings['ELEVENLABS_WEBHOOK_SECRET'] === developmentDefaults.ELEVENLABS_WEBHOOK_SECRET;
}
