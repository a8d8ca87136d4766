/** The facts of a log line in the order in which they are to be read; undefined ones are left out. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** What is told of the app's work to whoever measures it. Neither call waits, throws, or keeps what it was given for long. */
export interface Telemetry {
  /** A fact as the log has it, whatever LOG_LEVEL lets through. */
  fact(message: string, fields: LogFields): void;
  /** A request to another service that has come to its end. */
  dependency(dependency: Dependency): void;
}

export interface Dependency {
  /** One of a few: what is done, not to what. */
  readonly name: string;
  readonly method: string;
  /** Without user, query and fragment, so that no signature or key is in it. */
  readonly url: string;
  /** Undefined when no answer came. */
  readonly status: number | undefined;
  readonly durationMs: number;
}
