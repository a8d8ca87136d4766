import * as z from 'zod/mini';
import {
  type Environment,
  onePerSetting,
  problemsOf,
  type SettingProblem,
  unresolvedReferences,
} from './settingProblems.ts';

export interface TelemetrySettings {
  readonly connectionString: string;
  /** Sign in with the app's managed identity; without it the instrumentation key alone is the permission. */
  readonly identity: { readonly clientId?: string } | undefined;
}

const telemetrySettings = z.object({
  APPLICATIONINSIGHTS_CONNECTION_STRING: z.optional(
    z
      .string()
      .check(
        z.refine(
          isConnectionString,
          'is not a valid Application Insights connection string: copy it again from the portal',
        ),
      ),
  ),
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: z.optional(
    z
      .string()
      .check(
        z.refine(
          (text) => pairsOf(text).get('authorization')?.toUpperCase() === 'AAD',
          'must be Authorization=AAD, followed by ;ClientId=… for a user-assigned identity',
        ),
      ),
  ),
});

/**
 * Reads what switches telemetry on; the host reads the same two settings
 * (docs/facts/azure-functions.md#logs-and-telemetry). Without a connection string, or with a problem in one of them, there is
 * no telemetry of the app's own, and everything else goes on as usual.
 */
export function readTelemetrySettings(environment: Environment): {
  readonly settings: TelemetrySettings | undefined;
  readonly problems: readonly SettingProblem[];
} {
  const names = Object.keys(telemetrySettings.shape);
  const known = Object.fromEntries(names.map((name) => [name, environment[name]?.trim() || undefined]));
  const parsed = telemetrySettings.safeParse(known);
  const problems = onePerSetting([...unresolvedReferences(known, names), ...problemsOf(parsed)]);
  const connectionString = parsed.data?.APPLICATIONINSIGHTS_CONNECTION_STRING;
  if (connectionString === undefined || problems.length > 0) return { settings: undefined, problems };
  const authentication = parsed.data?.APPLICATIONINSIGHTS_AUTHENTICATION_STRING;
  return {
    settings: {
      connectionString,
      identity: authentication === undefined ? undefined : identityOf(pairsOf(authentication).get('clientid')),
    },
    problems,
  };
}

/** The library would take one that it cannot use without a word, and send nothing. */
function isConnectionString(text: string): boolean {
  const pairs = pairsOf(text);
  const endpoint = pairs.get('ingestionendpoint');
  const hasKey = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(pairs.get('instrumentationkey') ?? '');
  return (
    hasKey && (endpoint === undefined || /^https:\/\/[^\s/?#@]+\/?$|^http:\/\/127\.0\.0\.1:\d+\/?$/.test(endpoint))
  );
}

function identityOf(clientId: string | undefined): { readonly clientId?: string } {
  return clientId ? { clientId } : {};
}

/** `Key=value;Key=value`, the keys in any case. */
function pairsOf(text: string): Map<string, string> {
  const pairs = text.split(';').map((pair) => /^\s*([^=]+?)\s*=\s*(.*?)\s*$/.exec(pair) ?? []);
  return new Map(pairs.flatMap(([, key, value]) => (key && value ? [[key.toLowerCase(), value] as const] : [])));
}
