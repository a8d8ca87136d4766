// One run of reconciliation as a process of its own, because a test kills it.
import { randomUUID } from 'node:crypto';
import { reconcileByTimer } from '../../src/lib/reconcileTimer.ts';
import { openServices } from '../../src/lib/services.ts';

await reconcileByTimer(openServices(process.env), randomUUID(), { write: () => {} });
process.exit();
