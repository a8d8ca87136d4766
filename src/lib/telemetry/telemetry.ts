/** What is reported of the app's work to whoever measures it. No call waits, throws, or keeps what it was given for long. */
export interface Telemetry {
  /** A delivery that has been answered, whatever LOG_LEVEL lets through. */
  delivery(fact: DeliveryFact): void;
  /** ElevenLabs has made a clone, in so many milliseconds. */
  cloned(durationMs: number): void;
  /** The initiation webhook has answered. */
  initiated(fact: InitiationFact): void;
  /** A part of a call that reconciliation has not found here: what became of it. */
  reconciled(outcome: string, what: string): void;
  /** A request to another service that has ended. */
  dependency(dependency: Dependency): void;
}

/** What the metrics of a delivery are made of. */
export interface DeliveryFact {
  /** A type that the app knows; undefined for any other, which could be any text. */
  readonly event: string | undefined;
  readonly outcome: string;
  readonly code: string | undefined;
  readonly bytes: number | undefined;
  readonly signatureAgeSeconds: number | undefined;
  readonly commitMs: number | undefined;
}

/** What the metrics of an answer before a call are made of. */
export interface InitiationFact {
  readonly outcome: string;
  /** Of a default. */
  readonly reason: string | undefined;
  /** Since Node's server had the request. */
  readonly ms: number;
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
