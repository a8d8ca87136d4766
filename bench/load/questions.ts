import { Pool } from 'undici';
import { INITIATION_SECRET } from '../apps.ts';
import type { LoadCommand } from './commands.ts';
import { fromHost } from './deliveries.ts';
import type { Jobs } from './drive.ts';

type Questions = Extract<LoadCommand, { kind: 'questions' }>;

/** Numbers of callers, each another one. */
export function numberOf(index: number): string {
  return `+316${String(index).padStart(8, '0')}`;
}

/** What ElevenLabs asks before calls, over `atOnce` kept connections. */
export async function questions({ url, callers, count, atOnce }: Questions): Promise<Jobs> {
  const pool = new Pool(url, { connections: atOnce, pipelining: 1 });
  const jobs = Array.from({ length: count }, (_each, index) => {
    // Spread over the directory; without one, numbers that are not in it.
    const caller_id = callers === 0 ? `+4930${index}55555` : numberOf((index * 7_919) % callers);
    const question = { caller_id, called_number: '+31201234567', agent_id: 'agent_bench', call_sid: `CA${index}` };
    const body = JSON.stringify(question);
    const headers = {
      ...fromHost(),
      'content-type': 'application/json',
      authorization: `Bearer ${INITIATION_SECRET}`,
    };
    return async () => {
      const answer = await pool.request({ method: 'POST', path: '/elevenlabs/initiation/webhook', headers, body });
      const text = await answer.body.text();
      if (answer.statusCode !== 200) throw new Error(`answered ${answer.statusCode}`);
      if (text.includes('"caller_known":"unknown"')) throw new Error('answered the default');
    };
  });
  return { jobs, atOnce, done: () => pool.close() };
}
