// npm run missed-call: a call that the stand-in for ElevenLabs has and no webhook brings, to see reconcile fetch it.
import { join } from 'node:path';
import { idSchema } from '../../src/lib/ids.ts';
import { commandLine } from '../command/commandLine.ts';
import { UsageError } from '../command/errors.ts';
import { json, port, text } from '../command/option.ts';
import { note, printJson } from '../command/output.ts';
import { runCommand } from '../command/run.ts';
import { keptFor } from '../local/azurite.ts';
import { keepCall } from '../local/elevenlabs/keptCalls.ts';
import { readEnvironmentPort } from './environmentPort.ts';
import { CALLS_FOLDER } from './serve/elevenlabs.ts';

const EXAMPLE_AGENT = 'agent_6801bluebirdcyclesdesk0x4f';

await runCommand({
  name: 'missed-call',
  options: {
    agent: text('ID', `whose call (else ${EXAMPLE_AGENT}, that of npm run send)`),
    'storage-port': port('that of npm start (else STORAGE_PORT, else 10000)'),
    json,
  },
  details: `Whether npm start runs or not: its stand-in has the call, and its next reconcile run fetches it, within a minute. It fetches calls
of agents of which something is stored: ${commandLine('send', ['post_call_transcription'])} once.`,
  run({ values }) {
    const { agent: agentId = EXAMPLE_AGENT } = values;
    if (!idSchema.safeParse(agentId).success) throw new UsageError(`--agent: "${agentId}" is not an id`);
    const kept = keptFor(values['storage-port'] ?? readEnvironmentPort('STORAGE_PORT') ?? 10000);
    if (!('location' in kept)) throw new UsageError('--storage-port 0: nothing is kept there');
    const { conversationId } = keepCall(join(kept.location, CALLS_FOLDER), { agentId });
    if (values.json) printJson({ conversation_id: conversationId, agent_id: agentId });
    else console.log(conversationId);
    if (!values.json)
      note('No webhook brings it. A running npm start fetches it within a minute, else the next one does.');
    return 0;
  },
});
