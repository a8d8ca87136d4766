import type { CallerDirectory } from '../callers/directory.ts';
import type { InitiationSettings } from '../settings/initiationSettings.ts';
import type { KnownAgents } from './knownAgents.ts';

/** What the initiation webhook works with. */
export interface InitiationContext {
  readonly settings: InitiationSettings;
  /** Undefined when its settings have a problem: nobody is known then. */
  readonly callers: Pick<CallerDirectory, 'find'> | undefined;
  /** Undefined when the settings do not say where. */
  readonly agents: KnownAgents | undefined;
  /** Reads the key of the directory, and with it gets a token and a connection; undefined when there is nothing to read. */
  readonly readKey: (() => Promise<unknown>) | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}
