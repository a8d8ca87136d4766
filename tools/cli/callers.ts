// npm run callers: who is known by number before a call, and what the agent is told of them.
import { runCommand } from '../command/run.ts';
import { openDirectory } from './callers/directory.ts';
import { exportCallers } from './callers/export.ts';
import { importCallers } from './callers/import.ts';
import { listCallers } from './callers/list.ts';
import { putCaller, removeCaller, showCaller } from './callers/one.ts';
import { callersOptions, readRequest, roleFor } from './callers/options.ts';
import { openStorage } from './storageAccess.ts';

await runCommand({
  name: 'callers',
  operands: { shown: '[list | show NUMBER | put NUMBER | remove NUMBER | import FILE | export]', most: 2 },
  options: callersOptions,
  aliases: { replace: 'overwrite' },
  details: `  callers                    who is in the directory
  callers show +31612345678  what is known of one
  callers put +31612345678 --name "Jan de Vries" --variables '{"plan":"gold"}'
                             what is given is written, all else stays; an empty value takes away; --overwrite replaces
  callers remove +31612345678
  callers import FILE.csv    number,name,language,voice_id,first_message,variables,agents: in any order, only number required.
                             An empty cell keeps what is there; --overwrite (or --replace) replaces. A line with a mistake
                             is named, and then nothing is changed
  callers export             the same columns, for a backup or to import again

It works on the storage of the settings (environment, local.settings.json, else the local one), or with --azure or
--account on an account in Azure, with your own sign-in (az login, azd auth login) and never with a key.`,
  async run({ values, operands }) {
    const { action, operand } = readRequest(values, operands);
    const access = await openStorage(values, roleFor(action));
    try {
      const directory = openDirectory(access, { mayMakeKey: action === 'put' || action === 'import' });
      if (action === 'list') return await listCallers(access, directory, values);
      if (action === 'export') return await exportCallers(access, directory, values);
      if (action === 'import') return await importCallers(access, directory, { values, file: operand });
      if (action === 'put') return await putCaller(access, directory, { values, given: operand });
      if (action === 'remove') return await removeCaller(access, directory, { values, given: operand });
      return await showCaller(access, directory, { values, given: operand });
    } catch (error) {
      throw access.explained(error);
    }
  },
});
