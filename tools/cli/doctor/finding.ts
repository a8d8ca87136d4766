import { ElevenLabsError } from '../../../src/lib/elevenlabs/errors.ts';
import { AzureError } from '../azure/azureError.ts';
import { explainElevenLabs, permissionFor } from '../operatorKey.ts';
import type { Doctor } from './doctor.ts';

/** `skipped`: could not be looked at; `todo` says which role, permission or option it takes. */
export type Status = 'ok' | 'warning' | 'failed' | 'skipped';

export interface Finding {
  readonly status: Status;
  /** What is so; ids, names, times and numbers, never a secret. */
  readonly says: string;
  readonly todo?: string;
}

/** One line or more of the report. A check looks and changes nothing. */
export interface Check {
  readonly name: string;
  readonly look: (doctor: Doctor) => Promise<readonly Finding[]> | readonly Finding[];
}

export const ok = (says: string): Finding => ({ status: 'ok', says });
export const warning = (says: string, todo: string): Finding => ({ status: 'warning', says, todo });
export const failed = (says: string, todo: string): Finding => ({ status: 'failed', says, todo });
export const skipped = (says: string, todo: string): Finding => ({ status: 'skipped', says, todo });

/** Thrown by what a check needs and does not have. */
export class Skip extends Error {
  readonly todo: string;

  constructor(says: string, todo: string) {
    super(says);
    this.todo = todo;
  }
}

/** What a check finds; what it could not look at is a finding, too. */
export async function examine({ look }: Check, doctor: Doctor): Promise<readonly Finding[]> {
  try {
    return await look(doctor);
  } catch (error) {
    return [findingOf(error)];
  }
}

const NO_CONNECTION = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'REQUEST_SEND_ERROR',
]);

function findingOf(error: unknown): Finding {
  if (error instanceof Skip) return skipped(error.message, error.todo);
  if (error instanceof ElevenLabsError) {
    if (error.reason === 'missing_permission')
      return skipped('the key may not look at that', `A key with ${permissionFor(error.operation)}.`);
    const [says = '', todo = 'Try again later.'] = explainElevenLabs(error).message.split('\n');
    return failed(says, todo);
  }
  if (error instanceof AzureError) {
    const { role, message } = error;
    return role === undefined
      ? failed(message, 'Try again later.')
      : skipped('your sign-in may not look at that', `The role ${role}.`);
  }
  const { statusCode, code, message } = error as { statusCode?: number; code?: string; message?: string };
  if (statusCode === 403 || statusCode === 401) {
    return skipped('your sign-in may not look at that', 'The role Storage Blob Data Reader on the account.');
  }
  if (code !== undefined && NO_CONNECTION.has(code)) {
    return failed(`no connection: ${code}`, 'Is it running, and the address or port right?');
  }
  return failed(`could not be looked at: ${code ?? message ?? 'unknown'}`, 'See docs/doctor.md.');
}
