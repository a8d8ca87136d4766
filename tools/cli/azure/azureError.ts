import { Failure } from '../../command/errors.ts';

/** An answer of Azure that is no success; `status` undefined when none came. */
export class AzureError extends Failure {
  override readonly name = 'AzureError';
  readonly status: number | undefined;
  /** The role that is missing, when that is what was answered. */
  readonly role: string | undefined;

  constructor(what: string, facts: { status?: number | undefined; role?: string | undefined; cause?: unknown } = {}) {
    super(what, { cause: facts.cause });
    this.status = facts.status;
    this.role = facts.role;
  }
}
