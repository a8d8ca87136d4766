import { isPortFree } from '../ports.ts';

/** How many ports are tried before it is given up. */
const TRIES = 50;

/** A port to listen on, and the usual one when that was taken. */
export interface ChosenPort {
  port: number;
  taken?: number;
}

/** The first of `usual`, `usual + step`, … that nothing listens on. */
export async function nextFreePort(usual: number, step: number): Promise<ChosenPort> {
  for (let at = 0; at < TRIES; at++) {
    const port = usual + at * step;
    if (port <= 65_535 && (await isPortFree(port))) return at === 0 ? { port } : { port, taken: usual };
  }
  return { port: usual };
}
