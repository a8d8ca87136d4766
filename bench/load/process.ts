// The load generator: does what it is asked for, one thing at a time, and tells how long it took.
import type { LoadCommand, LoadReply, LoadResult } from './commands.ts';
import { recordings, transcripts } from './deliveries.ts';
import { drive, type Jobs } from './drive.ts';
import { questions } from './questions.ts';
import { blocks, uploads } from './writes.ts';

process.on('disconnect', () => process.exit());
process.on('message', (command: LoadCommand) => {
  run(command)
    .then((result): LoadReply => ({ result }))
    .catch((error: unknown): LoadReply => ({ error: String(error) }))
    .then((reply) => process.send?.(reply));
});

async function run(command: LoadCommand): Promise<LoadResult> {
  const { jobs, atOnce, done } = await prepare(command);
  try {
    return await drive(jobs, atOnce);
  } finally {
    await done?.();
  }
}

function prepare(command: LoadCommand): Promise<Jobs> {
  switch (command.kind) {
    case 'recordings':
      return recordings(command);
    case 'transcripts':
      return transcripts(command);
    case 'questions':
      return questions(command);
    case 'uploads':
      return uploads(command);
    case 'blocks':
      return blocks(command);
  }
}
