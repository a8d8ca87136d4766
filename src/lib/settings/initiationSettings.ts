import * as z from 'zod/mini';
import { type ElevenLabsSettings, elevenLabsFields, elevenLabsOf } from './elevenLabsSettings.ts';
import { publishedSecret } from './postCallSettings.ts';
import { headerSecrets } from './secrets.ts';
import { wholeNumber } from './settingFields.ts';
import {
  type Environment,
  onePerSetting,
  problemsOf,
  type SettingProblem,
  type SettingWarning,
  unresolvedReferences,
} from './settingProblems.ts';

/** The value of a dynamic variable, as ElevenLabs takes it. */
export type VariableValue = string | number | boolean;

export interface InitiationSettings {
  /** Any of them lets a request in. */
  readonly secrets: readonly string[];
  /** The answer leaves so long after Node's server has the request, whatever is missing. */
  readonly deadlineMs: number;
  /** Dynamic variables that every call gets, with their defaults; those of a caller's record go before them. */
  readonly variables: Readonly<Record<string, VariableValue>>;
}

/** What of the settings concerns the initiation webhook: a problem in it costs nothing else. */
export interface InitiationConfiguration {
  /** Whether somebody means to use it. */
  readonly isUsed: boolean;
  /** Undefined when it is not used, or with a problem. */
  readonly settings: InitiationSettings | undefined;
  /** Undefined without a usable key: then nobody knows what an agent allows, and there are no overrides. */
  readonly elevenLabs: ElevenLabsSettings | undefined;
  readonly problems: readonly SettingProblem[];
  readonly warnings: readonly SettingWarning[];
}

const SECRET = 'INITIATION_SECRET';
const VARIABLES = 'INITIATION_VARIABLES';
/** What the app itself says about every call, in place of what anybody else has under these names. */
const OWN_VARIABLES: readonly string[] = ['caller_name', 'caller_known', 'caller_verified'];

/** Anything that may stand between two pairs of braces. */
const variableName = z.string().check(z.regex(/^[^\s{}\p{C}]{1,100}$/u));
const value = z.union([z.string(), z.number(), z.boolean()]);
const variables = z._default(
  z.pipe(
    z.string(),
    z.transform((text, { issues }) => {
      const parsed = z.record(variableName, value).safeParse(jsonOf(text));
      if (parsed.success) return parsed.data;
      const message = 'must be a JSON object whose members are texts, numbers, true or false';
      issues.push({ code: 'custom', input: undefined, message });
      return z.NEVER;
    }),
  ),
  {},
);

const fields = z.object({
  [SECRET]: headerSecrets,
  INITIATION_DEADLINE_MS: wholeNumber(900, { least: 100, most: 10_000 }),
  [VARIABLES]: variables,
});
const api = z.object(elevenLabsFields('overrides'));

export const initiationSettingNames: readonly string[] = Object.keys(fields.shape);

/** Reads what the initiation webhook needs, which is nothing that a delivery needs. */
export function readInitiationSettings(known: Environment): InitiationConfiguration {
  const isUsed = known[SECRET] !== undefined;
  const elevenLabs = keyOf(known);
  const parsed = fields.safeParse(known);
  const problems = onePerSetting([
    ...unresolvedReferences(known, initiationSettingNames),
    ...problemsOf(parsed),
    ...publishedSecret(SECRET, known),
  ]);
  if (!parsed.success || problems.length > 0) {
    return { isUsed, settings: undefined, elevenLabs, problems, warnings: [] };
  }
  const { [SECRET]: secrets, INITIATION_DEADLINE_MS: deadlineMs, [VARIABLES]: given } = parsed.data;
  const warnings = [...secretWarnings(secrets, known), ...variableWarnings(given), ...keyWarnings(elevenLabs)];
  const usable = Object.entries(given).filter(([name]) => !isReserved(name));
  const settings = { secrets, deadlineMs, variables: Object.fromEntries(usable) };
  return { isUsed, settings, elevenLabs, problems, warnings };
}

function keyOf(known: Environment): ElevenLabsSettings | undefined {
  const parsed = api.safeParse(known);
  if (!parsed.success || unresolvedReferences(known, Object.keys(api.shape)).length > 0) return undefined;
  return elevenLabsOf(parsed.data);
}

/** ElevenLabs refuses names of its own; others are what the app says itself. */
function isReserved(name: string): boolean {
  return name.startsWith('system__') || OWN_VARIABLES.includes(name);
}

function secretWarnings(secrets: readonly string[], known: Environment): SettingWarning[] {
  const signing = ['ELEVENLABS_WEBHOOK_SECRET', 'ELEVENLABS_PRECALL_WEBHOOK_SECRET'].flatMap(
    (name) => known[name]?.split(',') ?? [],
  );
  if (!secrets.some((secret) => signing.includes(secret))) return [];
  return [
    warning(SECRET, 'is also a signing secret: it is sent with every call, and whoever sees it can sign deliveries'),
  ];
}

function variableWarnings(given: object): SettingWarning[] {
  if (!Object.keys(given).some(isReserved)) return [];
  return [
    warning(VARIABLES, `has names that begin with system__, or are ${OWN_VARIABLES.join(', ')}: they are not sent`),
  ];
}

function keyWarnings(elevenLabs: ElevenLabsSettings | undefined): SettingWarning[] {
  if (elevenLabs !== undefined) return [];
  const message =
    'is missing or unusable: no call gets a voice, greeting or language of its own, since nobody knows what its agent allows';
  return [warning('ELEVENLABS_API_KEY', message)];
}

function warning(setting: string, message: string): SettingWarning {
  return { setting, message, level: 'WARNING' };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
