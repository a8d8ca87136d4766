// Preloaded into Azurite: what it would report to its makers is switched off, yet it loads the library for that, which takes more
// than half of its start. It finds an empty one.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const requireOfAzurite = createRequire(require.resolve('azurite/package.json'));
const filename = requireOfAzurite.resolve('applicationinsights');
require.cache[filename] = { id: filename, filename, loaded: true, exports: {} };
