import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { asObject } from '../../tools/local/elevenlabs/state.ts';
import { type ConnectContext, startConnectContext } from './connectContext.ts';
import { runConnect } from './connectRun.ts';
import { type Run, run } from './run.ts';

let context: ConnectContext;
beforeEach(async () => {
  context = await startConnectContext();
});
afterEach(() => context.close());

interface Command {
  readonly agentIds: readonly string[];
  readonly isRotation?: boolean;
}

function start(command: Command): Run {
  const { apiUrl, azureUrl, appUrl } = context;
  return run(['tests/tools/connectProcess.ts', JSON.stringify({ apiUrl, azureUrl, appUrl, ...command })]);
}

/** Runs the command and kills it when the work of its n-th request is done and no answer has left. */
async function killAt(request: number, command: Command): Promise<'killed' | 'done'> {
  const { child, ended, text } = start(command);
  let requests = 0;
  context.onDone = async () => {
    requests += 1;
    if (requests !== request) return;
    child.kill('SIGKILL');
    await ended;
  };
  const end = await ended;
  context.onDone = async () => {};
  if (end !== 'SIGKILL') expect([end, text()]).toEqual([0, expect.any(String)]);
  return end === 'SIGKILL' ? 'killed' : 'done';
}

/** Without a process of its own, which would cost more than all else. */
function again(command: Command): Promise<void> {
  const { apiUrl, azureUrl, appUrl } = context;
  return runConnect({ apiUrl, azureUrl, appUrl, ...command });
}

function choices(): unknown[] {
  const { state } = context.elevenLabs;
  const agents = [...state.agents.values()].map(
    (agent) => asObject(asObject(agent['platform_settings'])['workspace_overrides'])['webhooks'],
  );
  return [state.workspace.settings['webhooks'], ...agents].filter(
    (one) => asObject(one)['post_call_webhook_id'] != null,
  );
}

/** Whatever is chosen is a webhook whose secret the app has: at no moment may a call come that it could not verify. */
function expectNoCallLost(): void {
  const { workspace } = context.elevenLabs.state;
  for (const choice of choices()) {
    const id = String(asObject(choice)['post_call_webhook_id']);
    expect(context.running).toContain(workspace.secrets.get(id));
  }
}

function forgetEverything(): void {
  context.elevenLabs.state.clear();
  for (const agentId of ['agent_1', 'agent_2']) context.elevenLabs.state.addAgent({ agentId });
  context.vaultSecret = 'wsec_of_another_webhook';
  context.running = ['wsec_of_another_webhook'];
}

describe('connect that is killed after any of its requests', () => {
  test('has lost no call, and another run ends as if it had never been', { timeout: 240_000 }, async () => {
    const command = { agentIds: ['agent_1', 'agent_2'] };
    let request = 0;
    do {
      request += 1;
      forgetEverything();
      const end = await killAt(request, command);
      expectNoCallLost();
      if (end === 'done') break;
      await again(command);
      expectNoCallLost();
      const { workspace } = context.elevenLabs.state;
      const [webhook] = workspace.webhooks.values();
      const id = webhook?.webhook_id ?? '';
      expect([request, workspace.webhooks.size]).toEqual([request, 1]);
      expect(workspace.retrying.has(id)).toBe(true);
      expect(choices()).toMatchObject([{ post_call_webhook_id: id }, { post_call_webhook_id: id }]);
      expect(context.vaultSecret?.split(',')).toEqual([workspace.secrets.get(id), 'wsec_of_another_webhook']);
    } while (request < 60);
    expect(request).toBeGreaterThan(15);
    expect(request).toBeLessThan(60);
  });
});

describe('connect --rotate that is killed after any of its requests', () => {
  test('has lost no call, and another run ends as if it had never been', { timeout: 240_000 }, async () => {
    const command = { agentIds: [], isRotation: true };
    let request = 0;
    do {
      request += 1;
      forgetEverything();
      await again({ agentIds: [] });
      await again({ agentIds: ['agent_1'] });
      const { workspace } = context.elevenLabs.state;
      const [old] = workspace.webhooks.values();
      if (old !== undefined)
        workspace.webhooks.set(old.webhook_id, { ...old, created_at_unix: old.created_at_unix - 99 });
      const end = await killAt(request, command);
      expectNoCallLost();
      if (end === 'done') break;
      await again(command);
      expectNoCallLost();
      const fresh = [...workspace.webhooks.keys()].filter((id) => id !== old?.webhook_id);
      expect([request, fresh.length, workspace.webhooks.size]).toEqual([request, 1, 2]);
      const [id = ''] = fresh;
      expect(workspace.retrying.has(id)).toBe(true);
      expect(choices()).toMatchObject([{ post_call_webhook_id: id }, { post_call_webhook_id: id }]);
      expect(context.vaultSecret?.split(',')).toEqual([
        workspace.secrets.get(id),
        workspace.secrets.get(old?.webhook_id ?? ''),
        'wsec_of_another_webhook',
      ]);
    } while (request < 60);
    expect(request).toBeGreaterThan(15);
    expect(request).toBeLessThan(60);
  });
});
