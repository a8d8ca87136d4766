// A process that serves one Functions app, whose entry point is the parameter, through the local host: with a front server when
// a second parameter says so, else for callers that speak to the library's proxy as the host does.
import { pathToFileURL } from 'node:url';
import { type HostLine, startHost } from '../tools/local/host/host.ts';

const [, , entry = '', front] = process.argv;

// All apps write their log; only what says that the bench itself is wrong is to be seen.
const write = ({ level, message }: HostLine) => {
  if (level === 'error' || level === 'critical') console.error(message);
};
const options = { port: 0, write, timers: false, front: front !== undefined, bodyLimitBytes: 209_715_200 };
const { url } = await startHost(options, () => import(pathToFileURL(entry).href));
process.on('disconnect', () => process.exit());
process.send?.({ url });
