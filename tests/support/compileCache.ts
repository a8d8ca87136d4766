// Vitest ends its workers before Node has kept what it compiled for the next ones.
import { flushCompileCache } from 'node:module';
import { afterAll } from 'vitest';

afterAll(() => flushCompileCache());
