import { Failure } from '../../../command/errors.ts';
import { stopRequest } from '../../stopRequest.ts';
import type { StorageAccess } from '../../storageAccess.ts';
import { filterOfAll } from '../filter.ts';
import type { CallValues } from '../options.ts';
import { pageContext } from './context.ts';
import { openBrowser } from './openBrowser.ts';
import { startPage } from './server.ts';

/** Serves the page of the calls until it is asked to end. */
export async function showPage(access: StorageAccess, values: CallValues): Promise<number> {
  const stopped = stopRequest();
  const context = pageContext(access, {
    filter: filterOfAll(values, access),
    limit: values.limit,
    chosen: (['since', 'until', 'agent'] as const)
      .flatMap((name) => (values[name] === undefined ? [] : [`${name} ${values[name]}`]))
      .join(', '),
  });
  const page = await startPage({ port: values.port, open: async () => context, onBug: console.error }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE')
        throw new Failure(`Port ${values.port} on 127.0.0.1 is taken.`, { cause: error });
      throw error;
    },
  );
  console.log(`Calls      ${page.url}`);
  console.log(`           of ${access.name}; the address opens the page once`);
  console.log('Stop       Ctrl-C');
  if (process.stdout.isTTY) openBrowser(page.url, process);
  await stopped;
  await page.close();
  return 0;
}
