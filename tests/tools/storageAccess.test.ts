import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { RestError } from '@azure/storage-blob';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findCalls } from '../../src/lib/calls/findCalls.ts';
import { StorageUnavailable } from '../../src/lib/errors.ts';
import { readAzdEnvironment } from '../../tools/cli/azdEnvironment.ts';
import { openStorage } from '../../tools/cli/storageAccess.ts';

const NO_OPTIONS = { azure: false, account: undefined, 'storage-port': undefined };

let folder: string;
let azurite: ChildProcess;
let endpoint: string;

/** Azurite takes bearer tokens over HTTPS alone, and looks at everything in them but the signature (`--oauth basic`). */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'storage-access-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const made = [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '2',
    '-keyout',
    key,
    '-out',
    cert,
    ...subject,
  ];
  execFileSync('openssl', made, { stdio: 'ignore' });
  tls.setDefaultCACertificates([readFileSync(cert, 'utf8')]);
  const main = createRequire(import.meta.url).resolve('azurite/dist/src/blob/main.js');
  const args = [
    '--blobHost',
    '127.0.0.1',
    '--blobPort',
    '0',
    '--inMemoryPersistence',
    '--disableTelemetry',
    '--skipApiVersionCheck',
  ];
  azurite = spawn(process.execPath, [main, ...args, '--oauth', 'basic', '--cert', cert, '--key', key], {
    stdio: 'pipe',
  });
  const port = await new Promise<string>((resolve, reject) => {
    let text = '';
    azurite.stdout?.on('data', (chunk) => {
      text += chunk;
      const found = /successfully listens on \S+?:(\d+)\s/.exec(text)?.[1];
      if (found !== undefined) resolve(found);
    });
    azurite.once('close', () => reject(new Error(`Azurite ended: ${text}`)));
  });
  endpoint = `https://127.0.0.1:${port}/devstoreaccount1`;
});
afterAll(() => {
  azurite.kill();
  rmSync(folder, { recursive: true });
});

function token(audience = 'https://storage.azure.com'): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    aud: audience,
    iss: 'https://sts.windows.net/ab1f708d-50f6-404c-a006-d71b2ac7a606/',
    iat: now - 60,
    nbf: now - 60,
    exp: now + 3600,
  };
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  return `${encode({ alg: 'RS256', typ: 'JWT' })}.${encode(claims)}.${Buffer.from('none').toString('base64url')}`;
}

const open = (audience?: string) => {
  const credential = { getToken: async () => ({ token: token(audience), expiresOnTimestamp: Date.now() + 3_600_000 }) };
  return openStorage({ ...NO_OPTIONS, account: 'calls1' }, 'Storage Blob Data Reader', { credential, endpoint });
};

test('an account is opened with a bearer token, and calls are found in it', async () => {
  const access = await open();
  const { container } = access.areas.transcripts;
  await access.storage.attempt(container, (client) => client.getBlockBlobClient('agent_1/conv_1.json').upload('{}', 2));
  const { calls } = await findCalls(access.storage, access.areas, {}, { limit: 9 });
  expect(calls.map(({ conversationId }) => conversationId)).toEqual(['conv_1']);
});

test('an account that refuses the token says so, without a stack', async () => {
  const access = await open('https://example.com');
  const error = await findCalls(access.storage, access.areas, {}, { limit: 9 }).catch((reason) => reason);
  expect(access.explained(error)).toMatchObject({
    name: 'Failure',
    message: expect.stringContaining('account calls1 refuses'),
  });
});

test('a missing role is named with the command that gives it', async () => {
  const access = await open();
  const refused = new RestError('no', { statusCode: 403, code: 'AuthorizationPermissionMismatch' });
  expect(access.explained(new StorageUnavailable('hint', refused))).toMatchObject({
    name: 'Failure',
    message: expect.stringMatching(
      /Storage Blob Data Reader.*az role assignment create --role "Storage Blob Data Reader".*--name calls1/s,
    ),
  });
});

test.each([
  [{ azure: true, account: 'calls1' }, 'exclude each other'],
  [{ account: 'Not_An_Account' }, '3 to 24'],
  [{ account: 'calls1', 'storage-port': 10000 }, '--storage-port is for the local storage'],
])('%j is a wrong command line', async (values, message) => {
  await expect(openStorage({ ...NO_OPTIONS, ...values }, 'Storage Blob Data Reader')).rejects.toThrow(message);
});

test("azd's environment is the one that is chosen, and its absence is explained", () => {
  const root = join(folder, 'project');
  expect(() => readAzdEnvironment(root, {})).toThrow('azd has no environment here');
  for (const name of ['prod', 'test']) {
    mkdirSync(join(root, '.azure', name), { recursive: true });
    writeFileSync(join(root, '.azure', name, '.env'), `AZURE_CALL_STORAGE_NAME="calls${name}"\n`);
  }
  writeFileSync(join(root, '.azure', 'config.json'), '{"version":1,"defaultEnvironment":"prod"}');
  expect(readAzdEnvironment(root, {})).toEqual({ AZURE_CALL_STORAGE_NAME: 'callsprod' });
  expect(readAzdEnvironment(root, { AZURE_ENV_NAME: 'test' })).toEqual({ AZURE_CALL_STORAGE_NAME: 'callstest' });
  expect(() => readAzdEnvironment(root, { AZURE_ENV_NAME: 'gone' })).toThrow('environment gone cannot be read');
});
