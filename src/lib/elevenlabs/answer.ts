import type * as z from 'zod/mini';
import { ElevenLabsError } from './errors.ts';

/**
 * The body of a success by its schema.
 *
 * @throws {ElevenLabsError} `unexpected_answer`, without any of the body.
 */
export function parseAnswer<T>(operation: string, body: string, schema: z.ZodMiniType<T>): T {
  return readAnswer(operation, body, schema).answer;
}

/** The same, and the whole of the JSON beside what the schema takes of it. */
export function readAnswer<T>(
  operation: string,
  body: string,
  schema: z.ZodMiniType<T>,
): { readonly json: unknown; readonly answer: T } {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    throw unexpected(operation, 'answered with something that is not valid JSON');
  }
  const answer = schema.safeParse(json);
  if (answer.success) return { json, answer: answer.data };
  const members = answer.error.issues.slice(0, 3).map(({ path }) => path.join('.'));
  throw unexpected(operation, `answered with JSON that has unexpected members (${members.join(', ')})`);
}

export function unexpected(operation: string, what: string): ElevenLabsError {
  return new ElevenLabsError({ reason: 'unexpected_answer', operation, what, retryable: false });
}
