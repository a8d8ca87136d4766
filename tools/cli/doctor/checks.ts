import * as app from './appChecks.ts';
import type { Check } from './finding.ts';
import * as initiation from './initiationChecks.ts';
import * as preCall from './preCallChecks.ts';
import * as storage from './storageChecks.ts';
import * as webhook from './webhookChecks.ts';

/** In the order of the report. A new check is an entry here. */
export const checks: readonly Check[] = [
  app.settings,
  app.health,
  app.webhookCheck,
  app.bodyLimit,
  app.addresses,
  webhook.webhook,
  webhook.choices,
  webhook.tolerance,
  webhook.recording,
  app.clocks,
  storage.storage,
  storage.lastEvent,
  storage.sweep,
  storage.reconciliation,
  preCall.key,
  preCall.slots,
  preCall.overrides,
  initiation.app,
  initiation.answers,
  initiation.agents,
  initiation.ready,
];
