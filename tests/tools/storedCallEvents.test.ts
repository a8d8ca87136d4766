import { readFileSync } from 'node:fs';
import { QueueServiceClient } from '@azure/storage-queue';
import { expect, onTestFinished, test } from 'vitest';
import { queueConnectionString } from '../../tools/local/azurite.ts';
import { blobWriteIn } from '../../tools/local/storedCallEvents.ts';
import { until } from '../support/until.ts';
import { run } from './run.ts';
import { serve } from './served.ts';

const agent = 'agent_6801bluebirdcyclesdesk0x4f';

test('npm start -- --stored-call-events has a message for each stored call, and the example hands on its summary', async () => {
  const { url, served, stop } = await serve({}, ['--stored-call-events']);
  onTestFinished(stop);
  const [, queuePort = ''] =
    /Queue +http:\/\/127\.0\.0\.1:(\d+)\/devstoreaccount1\/stored-calls /.exec(served.text()) ?? [];
  const [, storagePort = ''] = /Blobs +http:\/\/127\.0\.0\.1:(\d+)\//.exec(served.text()) ?? [];
  const command = `npm run after-the-call -- --storage-port ${storagePort} --queue-port ${queuePort}`;
  expect(served.text()).toContain(command);

  for (const more of [['post_call_transcription'], ['post_call_audio'], ['post_call_transcription', '--invalid']]) {
    const sent = run(['tools/cli/send.ts', ...more, '--url', url]);
    expect(await sent.ended, sent.text()).toBe(0);
  }
  // Larger than a block: staged, committed under another name, and copied.
  const long = run(['tools/cli/send.ts', '--audio-mb', '8', '--conversation', 'conv_long', '--url', url]);
  expect(await long.ended, long.text()).toBe(0);

  const queues = QueueServiceClient.fromConnectionString(queueConnectionString(Number(queuePort)));
  const queue = queues.getQueueClient('stored-calls');
  const messages = await until(async () => {
    const { peekedMessageItems } = await queue.peekMessages({ numberOfMessages: 32 });
    return peekedMessageItems.length >= 3 ? peekedMessageItems : undefined;
  });
  const events = messages.map(({ messageText }) => JSON.parse(Buffer.from(messageText, 'base64').toString()));
  const event = (api: string, name: string, contentType: string) => ({
    specversion: '1.0',
    type: 'Microsoft.Storage.BlobCreated',
    id: expect.stringMatching(/^[\da-f-]{36}$/),
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    source: expect.stringMatching(/^\/subscriptions\/.*\/storageAccounts\/devstoreaccount1$/),
    subject: `/blobServices/default/containers/${name.replace('/', '/blobs/')}`,
    data: expect.objectContaining({ api, contentType, url: expect.stringContaining(`/devstoreaccount1/${name}`) }),
  });
  expect(events).toEqual([
    event('PutBlob', `transcripts/${agent}/conv_4801bluebirdexample0001.json`, 'application/json'),
    event('PutBlob', `audio/${agent}/conv_4801bluebirdexample0001.mp3`, 'audio/mpeg'),
    event('CopyBlob', `audio/${agent}/conv_long.mp3`, 'audio/mpeg'),
  ]);
  expect(events[0].data.contentLength).toBe(readFileSync('examples/post_call_transcription.json').length);

  const example = run(['tools/cli/after-the-call.ts', '--storage-port', storagePort, '--queue-port', queuePort]);
  onTestFinished(() => void example.child.kill('SIGTERM'));
  await example.says('handed-on conversation=conv_4801bluebirdexample0001');
  expect(example.text()).toContain('"summary": "Robin asked whether repair R-2291 was ready.');
  await until(async () => (await queue.getProperties()).approximateMessagesCount === 0 || undefined);
  example.child.kill('SIGTERM');
  expect(await example.ended).toBe(0);
});

test('without --stored-call-events there is no queue, and the example says how to get one', async () => {
  const { served, stop } = await serve();
  onTestFinished(stop);
  expect(served.text()).not.toContain('stored-calls');
  const example = run(['tools/cli/after-the-call.ts', '--queue-port', '1']);
  expect(await example.ended).toBe(1);
  expect(example.text()).toContain('npm start -- --stored-call-events');
});

test('events of an account that npm start does not run are refused', async () => {
  const key = Buffer.from('not a real key').toString('base64');
  const connection = `DefaultEndpointsProtocol=https;AccountName=nosuchaccount;AccountKey=${key};EndpointSuffix=core.windows.net`;
  const served = run(['tools/cli/serve.ts', '--port', '0', '--stored-call-events'], { CallStorage: connection });
  expect(await served.ended).toBe(1);
  expect(served.text()).toContain(
    '--stored-call-events tells of blobs in an Azurite that npm start has started itself',
  );
});

const line = (request: string, status: number) =>
  `127.0.0.1 - - [26/Nov/2026:22:50:27 +0000] "${request} HTTP/1.1" ${status} -`;

test.each([
  [line('PUT /devstoreaccount1/a/b/c.json', 201), { api: 'PutBlob', container: 'a', name: 'b/c.json' }],
  [line('PUT /devstoreaccount1/a/b%2Fc%20d.json', 201), { api: 'PutBlob', container: 'a', name: 'b/c d.json' }],
  [line('PUT /devstoreaccount1/a/b?comp=blocklist', 201), { api: 'PutBlockList', container: 'a', name: 'b' }],
  [line('PUT /devstoreaccount1/a/b', 202), { api: 'CopyBlob', container: 'a', name: 'b' }],
  [line('PUT /devstoreaccount1/a/b', 409), undefined],
  [line('PUT /devstoreaccount1/a?restype=container', 201), undefined],
  [line('PUT /devstoreaccount1/a/b?comp=block&blockid=MQ%3D%3D', 201), undefined],
  [line('PUT /devstoreaccount1/a/b?comp=metadata', 200), undefined],
  [line('PUT /devstoreaccount1/a/b?comp=lease', 201), undefined],
  [line('GET /devstoreaccount1/a/b', 200), undefined],
  [line('DELETE /devstoreaccount1/a/b', 202), undefined],
  ['Azurite Blob service successfully listens on http://127.0.0.1:10000', undefined],
  [line('PUT /devstoreaccount1/a/%E0%A4%A', 400), undefined],
])('%s makes visible: %o', (text, expected) => {
  expect(blobWriteIn(text)).toEqual(expected);
});
