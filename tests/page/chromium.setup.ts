import type { TestProject } from 'vitest/node';
import { findChromium } from './findChromium.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The browser's executable; undefined where there is none, and only outside of CI. */
    chromium: string | undefined;
  }
}

/** Where nobody looks at the output, a missing browser is a failure and not a note. */
export default function setup(project: TestProject): void {
  const chromium = findChromium(process.env);
  if (chromium === undefined) {
    const missing =
      'There is no Chromium or Chrome for the tests of the page. Debian: apt-get install chromium; or set CHROMIUM.';
    if (process.env['CI']) throw new Error(missing);
    console.warn(`\nNOT TESTED: the page of the calls. ${missing}\n`);
  }
  project.provide('chromium', chromium);
}
