/** Wrong command line; the message says what is wrong with it. Exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** A reason not to go on that the user can do something about; the message says what, and is all that is shown. Exit code 1. */
export class Failure extends Error {
  override readonly name: string = 'Failure';
}
