/** Written by the build (tools/maintain/build.mjs); nothing defines it when the source itself runs, as in tests. */
declare const __VERSION__: string | undefined;

/** The version of the running code: that of package.json and the commit, such as `1.2.0+3d3c42e5aac5`; `source` when it was not built. */
export const version: string = typeof __VERSION__ === 'undefined' ? 'source' : __VERSION__;
