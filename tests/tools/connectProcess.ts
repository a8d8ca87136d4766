// A run of connect as a process of its own, because a test kills it.
import { runConnect } from './connectRun.ts';

await runConnect(JSON.parse(process.argv[2] ?? '{}'));
