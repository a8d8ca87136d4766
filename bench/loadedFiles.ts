// Preloaded into an app: tells, when it is asked, which files it has loaded.
import { registerHooks } from 'node:module';

const loaded: string[] = [];
registerHooks({
  load(url, context, nextLoad) {
    loaded.push(url);
    return nextLoad(url, context);
  },
});
process.on('message', (message) => {
  if (message === 'loaded files?') process.send?.(loaded);
});
