import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: root })
  .toString()
  .split('\n')
  .filter((path) => /\.(ts|mjs|md|json|bicep|ya?ml|kql)$/.test(path) && existsSync(join(root, path)))
  .filter((path) => !/package-lock\.json$|\.snapshot\.json$/.test(path));
const texts = new Map(files.map((path) => [path, readFileSync(join(root, path), 'utf8')]));

/** The anchors that GitHub makes of a page's headings, and those that the page names itself. */
function anchorsOf(page: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  const text = (texts.get(page) ?? '').replace(/^```.*?^```/gms, '');
  for (const [, heading = ''] of text.matchAll(/^#{1,6} +(.+)$/gm)) {
    const words = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const slug = words.replace(/[^\p{L}\p{N}_ -]/gu, '').replaceAll(' ', '-');
    let anchor = slug;
    for (let copy = 1; anchors.has(anchor); copy++) anchor = `${slug}-${copy}`;
    anchors.add(anchor);
  }
  for (const [, id = ''] of text.matchAll(/<a (?:id|name)="([^"]+)"/g)) anchors.add(id);
  return anchors;
}

/** What a page links to within the repository, and what code says about `docs/…`. */
function referencesIn(path: string, text: string): { readonly page: string; readonly anchor: string | undefined }[] {
  if (!path.endsWith('.md')) {
    return [...text.matchAll(/\b(docs\/[\w/-]+\.md)(?:#([\w-]+))?/g)].map(([, page = '', anchor]) => ({
      page,
      anchor,
    }));
  }
  return [...text.replace(/^```.*?^```/gms, '').matchAll(/\]\(([^)\s#]*)(?:#([^)\s]+))?\)/g)]
    .filter(([, target = '']) => !/^[a-z]+:/.test(target))
    .map(([, target = '', anchor]) => ({
      page: target === '' ? path : normalize(join(dirname(path), target)).replace(/\/$/, ''),
      anchor,
    }));
}

test('every page, file and heading that code and pages refer to exists', () => {
  const dead: string[] = [];
  let count = 0;
  for (const [path, text] of texts) {
    for (const { page, anchor } of referencesIn(path, text)) {
      count++;
      const isDead = !existsSync(join(root, page)) || (anchor !== undefined && !anchorsOf(page).has(anchor));
      if (isDead) dead.push(`${path}: ${page}${anchor === undefined ? '' : `#${anchor}`}`);
    }
  }
  expect(dead).toEqual([]);
  expect(count).toBeGreaterThan(100);
});

test('no reference is to a document that is not in the repository', () => {
  // Such as A§4.3; sections of a standard have its name before them.
  const isPrivate = /(?<![\w.])[A-Z]§\d|\bcontract §|(?<!\w)design\.md\b/;
  const own = 'tests/repository/references.test.ts';
  expect([...texts].filter(([path, text]) => path !== own && isPrivate.test(text)).map(([path]) => path)).toEqual([]);
});

test('every file of the repository that a page names by its path exists', () => {
  const missing = [...texts]
    .filter(([path]) => path.endsWith('.md') && path !== 'CHANGELOG.md')
    .flatMap(([path, text]) =>
      [...text.matchAll(/`((?:src|tests|tools|bench|docs|infra)\/[\w./-]+\.\w+)`/g)].map(([, file = '']) => ({
        path,
        file,
      })),
    )
    .filter(({ file }) => !existsSync(join(root, file)));
  expect(missing).toEqual([]);
});
