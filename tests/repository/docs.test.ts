import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { expect, test } from 'vitest';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  ...readdirSync(new URL('../../docs', import.meta.url), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`),
];

test('every test that docs/security.md names exists, by file and sentence', () => {
  const text = read('docs/security.md').replace(/\n\s*/g, (gap, at: number, all: string) =>
    all[at + 1] === ' ' ? ' ' : gap,
  );
  const missing: string[] = [];
  let file = '';
  let count = 0;
  for (const [, path, sentence = ''] of text.matchAll(/(?:`(tests\/[\w/]+\.test\.ts)`|same file): \*([^*]+)\*/g)) {
    file = path ?? file;
    count++;
    if (!existsSync(new URL(`../../${file}`, import.meta.url)) || !read(file).includes(`'${sentence}'`))
      missing.push(`${file}: ${sentence}`);
  }
  expect(missing).toEqual([]);
  expect(count).toBe(text.match(/(?:\.test\.ts`|same file): \*/g)?.length);
  expect(count).toBeGreaterThan(40);
});

test('every npm script that a page names exists', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  for (const page of pages) {
    const named = [...read(page).matchAll(/npm run (?:-s )?([a-z][\w:-]*)/g)].map(([, name = '']) => name);
    expect([page, named.filter((name) => scripts[name] === undefined)]).toEqual([page, []]);
  }
});

/** As GitHub makes them: https://github.com/gjtorikian/html-pipeline, `TableOfContentsFilter`. */
function anchorsOf(page: string): string[] {
  const headings = [...withoutCode(read(page)).matchAll(/^#+ (.*)$/gm)];
  return headings.map(([, text = '']) =>
    text
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

const withoutCode = (text: string) => text.replace(/^ *```[\s\S]*?^ *```$/gm, '');

test('every link of a page leads to a file and a heading that exist', () => {
  const broken: string[] = [];
  let count = 0;
  for (const page of pages) {
    for (const [, target = ''] of withoutCode(read(page)).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      count++;
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? page : posix.join(posix.dirname(page), path);
      const exists = existsSync(new URL(`../../${file}`, import.meta.url));
      if (!exists || (anchor !== undefined && !anchorsOf(file).includes(anchor))) broken.push(`${page}: ${target}`);
    }
  }
  expect(broken).toEqual([]);
  expect(count).toBeGreaterThan(100);
});
