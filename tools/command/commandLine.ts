type Environment = Readonly<Record<string, string | undefined>>;

/**
 * How a user types a command of this project: as this process was started, by npm or by `elw`, which sets `ELW`.
 *
 * @example commandLine('send', ['--health']) // 'npm run send -- --health', or './elw send --health'
 */
export function commandLine(
  name: string,
  args: readonly string[] = [],
  environment: Environment = process.env,
): string {
  const elw = environment['ELW'];
  return elw ? [elw, name, ...args].join(' ') : npmCommandLine(name, args);
}

export function npmCommandLine(name: string, args: readonly string[]): string {
  const script = ['start', 'test'].includes(name) ? name : `run ${name}`;
  return ['npm', script, ...(args.length > 0 ? ['--', ...args] : [])].join(' ');
}
