import type { HttpResponseInit } from '@azure/functions';
import { type ErasuresHealth, erasuresHealth } from './calls/erasuresHealth.ts';
import { type InitiationHealth, type InitiationHealthServices, initiationHealth } from './initiation/health.ts';
import { nodeProblem } from './nodeVersion.ts';
import type { CallStore } from './postCall/callStore.ts';
import { type ElevenLabsHealth, type ElevenLabsServices, elevenLabsHealth } from './preCall/health.ts';
import {
  type ReconciliationHealth,
  type ReconciliationServices,
  reconciliationHealth,
} from './reconciliationHealth.ts';
import type { Configuration, SettingNotes } from './settings/settings.ts';
import { version } from './version.ts';

const STORAGE_LIMIT_MS = 2_000;
const CACHE_MS = 5_000;

interface Check {
  /** `unknown`: the settings do not even say which account. */
  readonly status: 'pass' | 'fail' | 'unknown';
  readonly settings?: readonly string[];
  /** The version of Node that runs, and the one that is needed. */
  readonly node?: string;
  readonly needs?: string;
}

/** How the app is; names failing checks and settings, never a value. Only `failing` makes it unhealthy. */
export interface AppHealth {
  readonly status: 'healthy' | 'unhealthy';
  readonly service: 'elevenlabs-webhook';
  /** Of the running code. */
  readonly version: string;
  readonly failing?: readonly string[];
  readonly warnings?: readonly string[];
  /** `runtime` only when Node is too old. */
  readonly checks: { readonly settings: Check; readonly storage: Check; readonly runtime?: Check };
  readonly 'elevenlabs-precall-webhook': ElevenLabsHealth;
  /** Only when one is late. */
  readonly erasures?: ErasuresHealth;
  readonly reconciliation: ReconciliationHealth;
  readonly initiation: InitiationHealth;
  /** Only when a setting of the directory of callers has a problem: then nobody is known by number. */
  readonly callers?: { readonly status: 'not configured'; readonly settings: readonly string[] };
}

/** How pre-call is, its own settings and ElevenLabs included. */
export interface PreCallHealth extends ElevenLabsHealth {
  readonly service: 'elevenlabs-precall-webhook';
  readonly warnings?: readonly string[];
}

interface HealthServices
  extends ElevenLabsServices,
    Partial<Pick<Parameters<typeof erasuresHealth>[0], 'erasing'>>,
    ReconciliationServices,
    InitiationHealthServices {
  readonly configuration: Pick<Configuration, keyof SettingNotes>;
  readonly postCall: { readonly store: Pick<CallStore, 'storage' | 'paths'> } | undefined;
}

/**
 * The health checks of a process. However many ask, storage is asked at most once in five seconds and given two, and
 * ElevenLabs at most once in five minutes.
 */
export class Health {
  readonly #services: HealthServices;
  readonly #askElevenLabs: () => Promise<ElevenLabsHealth>;
  readonly #askReconciliation: () => Promise<ReconciliationHealth>;
  readonly #askInitiation: () => Promise<InitiationHealth>;
  readonly #askErasures: () => Promise<ErasuresHealth | undefined>;
  readonly #oldNode: ReturnType<typeof nodeProblem>;
  #storage: { readonly at: number; readonly result: Promise<Check> } | undefined;

  constructor(services: HealthServices, nodeVersion = process.versions.node) {
    this.#services = services;
    this.#oldNode = nodeProblem(nodeVersion);
    this.#askElevenLabs = elevenLabsHealth(services);
    this.#askReconciliation = reconciliationHealth(services);
    this.#askInitiation = initiationHealth(services);
    this.#askErasures = erasuresHealth({ erasing: services.erasing, now: services.now });
  }

  async ofApp(): Promise<AppHealth> {
    const { problems, warnings, preCallWarnings, callers } = this.#services.configuration;
    const [storage, erasures, elevenLabs, reconciliation, initiation] = await Promise.all([
      this.#checkStorage(),
      this.#askErasures(),
      this.#askElevenLabs(),
      this.#askReconciliation(),
      this.#askInitiation(),
    ]);
    const checks = {
      settings:
        problems.length === 0 ? { status: 'pass' as const } : { status: 'fail' as const, settings: names(problems) },
      storage,
      ...(this.#oldNode === undefined ? {} : { runtime: { status: 'fail' as const, ...this.#oldNode } }),
    };
    const failing = Object.entries(checks).flatMap(([name, { status }]) => (status === 'fail' ? [name] : []));
    return {
      status: failing.length === 0 ? 'healthy' : 'unhealthy',
      service: 'elevenlabs-webhook',
      version,
      ...(failing.length === 0 ? {} : { failing }),
      ...noted([...warnings, ...preCallWarnings]),
      checks,
      'elevenlabs-precall-webhook': elevenLabs,
      reconciliation,
      initiation,
      ...(callers.settings
        ? {}
        : { callers: { status: 'not configured' as const, settings: names(callers.problems) } }),
      ...(erasures === undefined ? {} : { erasures }),
    };
  }

  async ofPreCall(): Promise<PreCallHealth> {
    const { problems, preCallProblems, preCallWarnings } = this.#services.configuration;
    const { status, ...others } = await this.#askElevenLabs();
    const service = 'elevenlabs-precall-webhook';
    if (status === 'not configured') {
      // What a delivery needs, pre-call needs as well.
      const settings = names([...problems, ...preCallProblems]);
      return { status, service, ...(settings.length === 0 ? {} : { settings }) };
    }
    const warned = noted(preCallWarnings);
    const storage = await this.#checkStorage();
    if (storage.status === 'fail') return { status: 'unhealthy', service, reason: 'storage_unavailable', ...warned };
    return { status, service, ...others, ...warned };
  }

  #checkStorage(): Promise<Check> {
    const now = this.#services.now();
    if (this.#storage === undefined || now - this.#storage.at >= CACHE_MS) {
      this.#storage = { at: now, result: askStorage(this.#services) };
    }
    return this.#storage.result;
  }
}

/** 200 when healthy, else 503. */
export function healthAnswer(health: AppHealth | PreCallHealth): HttpResponseInit {
  return {
    status: health.status === 'healthy' ? 200 : 503,
    headers: { 'cache-control': 'no-store' },
    jsonBody: health,
  };
}

function names(notes: readonly { readonly setting: string }[]): string[] {
  return [...new Set(notes.map(({ setting }) => setting))];
}

function noted(warnings: SettingNotes['warnings']): { readonly warnings?: readonly string[] } {
  return warnings.length === 0 ? {} : { warnings: names(warnings) };
}

async function askStorage({ postCall }: HealthServices): Promise<Check> {
  if (postCall === undefined) return { status: 'unknown' };
  const { storage, paths } = postCall.store;
  try {
    await storage.attempt(
      paths.incoming.container,
      (container, abortSignal) => container.getProperties({ abortSignal }),
      { totalMs: STORAGE_LIMIT_MS },
    );
    return { status: 'pass' };
  } catch {
    return { status: 'fail' };
  }
}
