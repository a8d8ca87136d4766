import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { rememberDelivery } from '../support/confidential.ts';
import {
  audioEvent,
  newCall,
  send,
  sign,
  startWorld,
  transcription,
  WEBHOOK_PATH,
  type World,
} from '../support/world.ts';

let world: World;

beforeAll(async () => {
  world = await startWorld();
});

afterAll(() => world.close());

/** Headers by which proxies and platforms tell an app who is calling, as a stranger would set them. */
const pretended = {
  'x-forwarded-for': '35.204.38.71',
  'x-real-ip': '35.204.38.71',
  'x-azure-clientip': '35.204.38.71',
  'x-ms-client-principal': 'eyJ1c2VySWQiOiJhZG1pbiJ9',
  'x-functions-key': 'a-key-of-no-use',
};

async function post(body: string, headers: Record<string, string>, query = ''): Promise<number> {
  rememberDelivery(Buffer.from(JSON.stringify(headers)), null);
  const response = await fetch(`${world.host.url}${WEBHOOK_PATH}${query}`, { method: 'POST', body, headers });
  await response.arrayBuffer();
  return response.status;
}

it('headers that pretend to be somebody neither help nor harm, and are not logged', async () => {
  const forged = JSON.stringify(transcription());
  expect(await post(forged, { ...pretended, 'elevenlabs-signature': sign(forged, 'wsec_other') })).toBe(401);
  expect(await post(forged, pretended)).toBe(401);
  expect(await world.paths()).toEqual([]);
  const genuine = JSON.stringify(transcription());
  expect(await post(genuine, { ...pretended, 'elevenlabs-signature': sign(genuine) })).toBe(200);
});

it('a query that puts other headers in place of the real ones is refused unless these are signed, too', async () => {
  const before = await world.paths();
  const event = JSON.stringify(transcription());
  const query = (signature: string) =>
    `?headers=${encodeURIComponent(JSON.stringify({ 'elevenlabs-signature': signature }))}`;
  expect(await post(event, { 'elevenlabs-signature': sign(event) }, query(''))).toBe(401);
  expect(await post(event, { 'elevenlabs-signature': sign(event) }, query(sign(event, 'wsec_other')))).toBe(401);
  expect(await world.paths()).toEqual(before);
});

it('what a forged recording stages cannot be seen, has a name of its own, and touches no name of the call', async () => {
  const call = newCall();
  const body = JSON.stringify(audioEvent(randomBytes(9_000_000), call));
  expect((await send(world, body, { secret: 'wsec_other', chunkBytes: 65_536 })).status).toBe(401);
  expect(await world.stored((path) => path.includes(call.agent_id) || path.includes('incoming'))).toEqual([]);

  const names: string[] = [];
  for (const container of Object.values(world.containers)) {
    const client = world.blobs.getContainerClient(container);
    if (!(await client.exists())) continue;
    for await (const { name } of client.listBlobsFlat({ includeUncommitedBlobs: true }))
      names.push(`${container}/${name}`);
  }
  const staged = names.filter((name) => name.startsWith(world.containers.incoming));
  expect(staged).toEqual([expect.stringMatching(/^incoming-[0-9a-f]+\/[0-9a-f-]{36}$/)]);
  expect(names.filter((name) => name.includes(call.conversation_id))).toEqual([]);
});
