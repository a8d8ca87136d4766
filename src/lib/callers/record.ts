import * as z from 'zod/mini';
import { idSchema } from '../ids.ts';

/** A larger entry counts as broken: a record is read while a caller waits. */
export const LARGEST_RECORD_BYTES = 16 * 1024;

/**
 * Names that a record may not give a variable: ElevenLabs refuses those of its own
 * (https://elevenlabs.io/docs/eleven-agents/customization/personalization/dynamic-variables), a secret belongs into a setting,
 * and the others are what the app itself says about a call.
 */
const RESERVED_NAME = /^(system__|secret__|(caller_name|caller_known|caller_verified|call_initiation)$)/;
const NAME = /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/;

const variableName = z.string().check(
  z.regex(NAME, 'a name of a variable has letters, digits, _ and -, at most 64, and begins with a letter or _'),
  z.refine((name) => !RESERVED_NAME.test(name), 'system__, secret__ and the names of the app itself are reserved'),
);
const variables = z.record(
  variableName,
  z.union([z.string(), z.number(), z.boolean()], 'a variable is a text, a number, true or false'),
);

const time = z.iso.datetime({ offset: true, error: 'must be a time as ISO 8601 has it' });

const id = z
  .string()
  .check(
    z.refine(
      (text) => idSchema.safeParse(text).success,
      'must be an id as ElevenLabs has it: letters, digits, _ and -',
    ),
  );

/** What an operator, an import or pre-call knows of a caller; everything but the number may be missing. */
const facts = {
  /** As the caller is called in the conversation. */
  name: z.optional(z.string()),
  /** As ElevenLabs writes it: `nl`, `pt-br`. */
  language: z.optional(
    z
      .string()
      .check(z.regex(/^[a-z]{2,3}(-[A-Za-z]{2,4})?$/, 'must be a language as ElevenLabs writes it, such as nl')),
  ),
  /** Of a voice at ElevenLabs. */
  voice_id: z.optional(id),
  first_message: z.optional(z.string()),
  /** Dynamic variables of the conversation, by their names. */
  variables: z.optional(variables),
  /** The agents that may know it; all of them when there are none. */
  agents: z.optional(z.array(id)),
};

/** One entry of the directory as it is stored. Times are ISO 8601. */
const record = z.object({
  /** In its one form, see `normaliseNumber`. */
  number: z.string().check(z.minLength(1), z.maxLength(256)),
  ...facts,
  /** Who wrote it last: `operator`, `import` or `pre-call`; only `pre-call` writes over its own. */
  source: z._default(z.string().check(z.regex(/^[a-z][a-z-]{0,31}$/)), 'operator'),
  /** From then on it counts for nothing. */
  expires_at: z.optional(time),
  updated_at: z._default(time, new Date(0).toISOString()),
});

export type CallerRecord = z.infer<typeof record>;
export type CallerFacts = Pick<CallerRecord, keyof typeof facts>;

/** What is stored, read leniently: nulls and empty texts are nothing, and so are variables that may not be sent. */
export const storedRecord = z.pipe(z.transform(withoutUnusable), record);

/** What somebody asks to be stored: every mistake counts. */
export const callerFacts = z.strictObject(facts);

/** Whether an entry counts for nothing any more. */
export function isPast({ expires_at: until }: Pick<CallerRecord, 'expires_at'>, nowMs: number): boolean {
  return until !== undefined && Date.parse(until) <= nowMs;
}

function withoutUnusable(value: unknown): unknown {
  const tidy = withoutNothing(value);
  if (!isObject(tidy) || !isObject(tidy['variables'])) return tidy;
  const known = Object.entries(tidy['variables']).filter(
    ([name, value]) => value !== null && NAME.test(name) && !RESERVED_NAME.test(name),
  );
  return { ...tidy, variables: Object.fromEntries(known) };
}

function withoutNothing(value: unknown): unknown {
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null && member !== ''));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
