/** One line of the app's or the host's log. The ids are there when the line belongs to one invocation. */
export interface HostLine {
  level: 'trace' | 'debug' | 'information' | 'warning' | 'error' | 'critical';
  message: string;
  functionName?: string;
  invocationId?: string;
}

export type WriteLine = (line: HostLine) => void;

/** What {@link startHost} needs to know. */
export interface HostOptions {
  /** Port on 127.0.0.1; 0 takes a free one. */
  port: number;
  write: WriteLine;
  /** Larger request bodies are answered 500, as the real host does. Default 104857600. */
  bodyLimitBytes?: number;
  /** Whether schedules run by themselves. Default true. */
  timers?: boolean;
  /**
   * Whether there is a server in front of the library's proxy, as on Azure. Without one, callers speak to the proxy as the
   * host does, and send what it adds: an `x-ms-invocation-id` of their own, `x-forwarded-host` and `x-forwarded-proto`.
   * Needs an app with HTTP streams; `port` and, for chunked bodies, `bodyLimitBytes` mean nothing then. Default true.
   */
  front?: boolean;
  /**
   * Whether an `x-ms-invocation-id` of a caller's own is replaced, as hosts do it since azure-functions-host#10980. Older ones let it
   * stand, and such a request never meets its invocation. Default false.
   */
  overridesInvocationId?: boolean;
  /** How long what is under way may take to finish once the host closes. Default 30000, as on the real host. */
  shutdownMs?: number;
  /** Where the app's host.json lies, with a slash at the end. Default: this repository. */
  folder?: URL;
}

/** One registered function as {@link RunningHost} lists it. */
export interface FunctionSummary {
  name: string;
  kind: 'http' | 'timer' | 'queue';
  route?: string;
  methods?: string[];
  schedule?: string;
  queueName?: string;
}

/** A served app. */
export interface RunningHost {
  /** Base address without a slash at the end, for example `http://127.0.0.1:7071`. */
  url: string;
  functions: FunctionSummary[];
  /** Runs a timer function now, after a run that is still going on; rejects with the error of the function. */
  runTimer(name: string): Promise<void>;
  /** Stops timers and queues, and takes no more connections; what is under way may finish for `shutdownMs`, then it is cut off. */
  close(): Promise<void>;
}
