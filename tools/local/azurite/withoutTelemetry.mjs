// Preloaded into Azurite: what it would report to its makers is switched off, yet it loads the library for that, which takes more
// than half of its start.
import { registerHooks } from 'node:module';

const EMPTY = 'empty:applicationinsights';

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'applicationinsights' ? { url: EMPTY, shortCircuit: true } : next(specifier, context),
  load: (url, context, next) =>
    url === EMPTY ? { format: 'commonjs', source: 'module.exports = {};', shortCircuit: true } : next(url, context),
});
