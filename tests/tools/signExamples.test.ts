import { spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Served, serve } from './served.ts';

const SECRET = 'wsec_of_the_examples';

const RUNNERS: Record<string, { command: string; file: string }> = {
  sh: { command: 'sh', file: 'example.sh' },
  js: { command: process.execPath, file: 'example.mjs' },
  python: { command: 'python3', file: 'example.py' },
};

interface Example {
  readonly title: string;
  readonly language: string;
  readonly code: string;
}

/** The code blocks of docs/signing.md, each below a heading of its own. */
function examplesOf(page: string): Example[] {
  return [...page.matchAll(/\n## (.+)\n\n```(\w+)\n([\s\S]*?)```/g)].map(
    ([, title = '', language = '', code = '']) => ({ title, language, code }),
  );
}

const examples = examplesOf(readFileSync('docs/signing.md', 'utf8'));
let app: Served;
let folder: string;

beforeAll(async () => {
  app = await serve({ ELEVENLABS_PRECALL_WEBHOOK_SECRET: SECRET });
  folder = mkdtempSync(join(tmpdir(), 'sign-examples-'));
  copyFileSync('examples/voice-samples/sample.wav', join(folder, 'sample.wav'));
});
afterAll(async () => {
  await app.stop();
  rmSync(folder, { recursive: true });
});

/** Rejects when the tool is not installed: a missing tool is a failure, since the example would go untested. */
async function runExample({ language, code }: Example, environment: Record<string, string>) {
  const runner = RUNNERS[language];
  if (runner === undefined) throw new Error(`Nothing runs examples in ${language}`);
  writeFileSync(join(folder, runner.file), code);
  const child = spawn(runner.command, [runner.file], {
    cwd: folder,
    env: { PATH: process.env['PATH'], PRECALL_URL: `${app.url}/elevenlabs/precall/webhook`, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('close', resolve);
    child.on('error', (cause) =>
      reject(new Error(`${runner.command} is needed to test the docs' examples`, { cause })),
    );
  });
  const [code_, output, errors] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  if (/not found/.test(errors)) throw new Error(`curl and openssl are needed to test the docs' examples: ${errors}`);
  return { code: code_, output, errors };
}

test('both forms are shown in three languages', () => {
  expect(examples.map(({ title, language }) => [title, language])).toEqual([
    ['JSON with curl and openssl', 'sh'],
    ['Form with curl and openssl', 'sh'],
    ['JSON with Node', 'js'],
    ['Form with Node', 'js'],
    ['JSON with Python', 'python'],
    ['Form with Python', 'python'],
  ]);
});

test.each(examples)('$title is taken by the app', async (example) => {
  const CONVERSATION_ID = `conv_${example.title.replace(/\W/g, '_')}`;
  const environment = { PRECALL_SECRET: SECRET, CONVERSATION_ID, AGENT_ID: 'agent_of_the_examples' };
  const { code, output, errors } = await runExample(example, environment);
  expect([code, errors]).toEqual([0, '']);
  expect(JSON.parse(output)).toMatchObject({
    status: 'success',
    conversation_id: CONVERSATION_ID,
    caller_info: { Name: 'Robin' },
    agent_updated: true,
  });
});

test.each(examples)('$title with another secret is refused, and says so', async (example) => {
  const environment = { PRECALL_SECRET: 'wsec_wrong', CONVERSATION_ID: 'conv_wrong', AGENT_ID: 'agent_wrong' };
  const { code, output } = await runExample(example, environment);
  expect(code).not.toBe(0);
  expect(JSON.parse(output)).toMatchObject({ status: 'error', reason: 'signature_mismatch' });
});
