// npm run calls: finds what is stored of calls, shows it, fetches it, checks it, erases it, sends it again.
import { runCommand } from '../command/run.ts';
import { eraseStored } from './calls/erase.ts';
import { getCalls } from './calls/get.ts';
import { listStored } from './calls/list.ts';
import { wholeId } from './calls/one.ts';
import { callOptions, readRequest, roleFor } from './calls/options.ts';
import { showPage } from './calls/page/page.ts';
import { replayQuarantine } from './calls/quarantine.ts';
import { replayCalls } from './calls/replay.ts';
import { showCall } from './calls/show.ts';
import { verifyCalls } from './calls/verify.ts';
import { openStorage } from './storageAccess.ts';

await runCommand({
  name: 'calls',
  operands: { shown: '[list | page | show ID | get ID | verify | erase ID | replay ID]', most: 3 },
  options: callOptions,
  aliases: { to: 'url' },
  details: `  calls                      what began or was stored today, newest first; the options choose others
  calls page                 the same and more in your browser: search, hear, read; --port N
  calls show conv_…0001      summary, data, evaluation, turns, tools, what is stored
  calls get conv_…0001       transcript and recording as files; also --caller NUMBER
  calls verify               reads what is stored and compares it with its sha256; 1 when something differs or came back
  calls erase conv_…0001     shows what would be erased; --yes does it, for good; also --caller NUMBER, --voice ID, --resume
  calls replay conv_…0001 --to URL
                             its stored bodies again, signed anew; also --since TIME, and replay quarantine
  calls replay quarantine --in-place
                             what the app understands by now is stored, and taken out of quarantine

An id may be given as npm start shows it, conv_4801…0001. It works on the storage of the settings (environment, local.settings.json, else the local one), or with --azure or
--account on an account in Azure, with your own sign-in (az login, azd auth login) and never with a key.`,
  async run({ values, operands }) {
    const { action, conversationId: given } = readRequest(values, operands);
    const access = await openStorage(values, roleFor(action, values));
    try {
      const conversationId = given === undefined ? undefined : await wholeId(access, given);
      if (action === 'list') return await listStored(access, values);
      if (action === 'page') return await showPage(access, values);
      if (action === 'verify') return await verifyCalls(access, values);
      if (action === 'replay' && values['in-place']) return await replayQuarantine(access, values);
      if (action === 'replay') return await replayCalls(access, values, conversationId);
      if (action === 'erase') return await eraseStored(access, values, conversationId);
      if (action === 'show' && conversationId !== undefined) return await showCall(access, values, conversationId);
      return await getCalls(access, values, conversationId);
    } catch (error) {
      throw access.explained(error);
    }
  },
});
