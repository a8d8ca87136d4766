import { spawn } from 'node:child_process';

/** Opens an address in the user's browser, where there is a desktop. @returns whether it was tried. */
export function openBrowser(url: string, { platform, env }: Pick<NodeJS.Process, 'platform' | 'env'>): boolean {
  const hasDesktop = platform !== 'linux' || Boolean(env['DISPLAY'] || env['WAYLAND_DISPLAY']);
  const [program, ...args] = opener(platform);
  if (!hasDesktop || program === undefined) return false;
  const child = spawn(program, [...args, url], { stdio: 'ignore', detached: true, windowsHide: true });
  child.on('error', () => {}); // the address stands in the terminal
  child.unref();
  return true;
}

function opener(platform: NodeJS.Platform): string[] {
  if (platform === 'darwin') return ['open'];
  if (platform === 'win32') return ['rundll32', 'url.dll,FileProtocolHandler'];
  return platform === 'linux' ? ['xdg-open'] : [];
}
