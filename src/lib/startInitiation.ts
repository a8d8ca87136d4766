import { missingRules } from './initiation/missingRules.ts';
import { warmUp } from './initiation/warmUp.ts';
import type { Services } from './services.ts';
import { sayAtStart } from './telemetry/log.ts';

const CHECK_MS = 10_000;

/** As an appStart hook: what a call would else wait for, when the initiation webhook is used. */
export async function startInitiation({ initiation, configuration }: Services): Promise<void> {
  if (initiation === undefined) return;
  void missingRules(initiation, CHECK_MS).then((reason) => {
    if (reason === undefined) return;
    const message = `ElevenLabs does not say what agents allow (${reason}): calls get no voice, greeting or language of their own. The key needs convai_read`;
    sayAtStart('WARNING', message, configuration.log);
  });
  await warmUp(initiation);
}
