// npm run blobs: shows what npm start has stored, so that nobody needs another tool to find a first transcript.
import { stat } from 'node:fs/promises';
import { relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { BlobServiceClient, ContainerClient } from '@azure/storage-blob';
import { commandLine } from '../command/commandLine.ts';
import { Failure, UsageError } from '../command/errors.ts';
import { fromUser, json, port, text } from '../command/option.ts';
import { note, printJson, readableSize } from '../command/output.ts';
import { runCommand } from '../command/run.ts';
import { readEnvironmentPort } from './environmentPort.ts';
import { readLocalSettings } from './localSettings.ts';
import { combineSettings } from './serve/settings.ts';
import { configuredService } from './storageAccess.ts';

await runCommand({
  name: 'blobs',
  operands: { shown: '[PREFIX]', most: 1 },
  options: {
    out: text('FILE', 'fetches the one blob of that path (container/name) into a file; - for standard output'),
    'storage-port': port("Azurite's port (else STORAGE_PORT, else 10000)"),
    json,
  },
  details: 'Lists what is in the storage that npm start uses, as container/name; with --json, each with its metadata.',
  async run({ values, operands: [path = ''] }) {
    const service = openStorage(values['storage-port'] ?? readEnvironmentPort('STORAGE_PORT') ?? 10000);
    try {
      if (values.out === undefined) await list(service, path, values.json);
      else await fetchOne(service, path, values.out);
    } catch (error) {
      throw explained(error);
    }
    return 0;
  },
});

function openStorage(port: number): BlobServiceClient {
  const service = configuredService(combineSettings(process.env, readLocalSettings()), port);
  if (service === undefined) throw new Failure('Storage is not configured by a connection string: set CallStorage.');
  return service;
}

async function list(service: BlobServiceClient, prefix: string, asJson: boolean): Promise<void> {
  let count = 0;
  for await (const { name: container } of service.listContainers()) {
    for await (const blob of service.getContainerClient(container).listBlobsFlat({ includeMetadata: true })) {
      const path = `${container}/${blob.name}`;
      if (!path.startsWith(prefix)) continue;
      count++;
      const bytes = blob.properties.contentLength ?? 0;
      if (asJson) printJson({ path, bytes, contentType: blob.properties.contentType, metadata: blob.metadata });
      else console.log(`${String(bytes).padStart(12)}  ${path}`);
    }
  }
  if (count === 0 && !asJson) note(prefix === '' ? 'Nothing is stored yet.' : `Nothing is stored under ${prefix}.`);
}

async function fetchOne(service: BlobServiceClient, path: string, out: string): Promise<void> {
  const slash = path.indexOf('/');
  if (slash < 1) throw new UsageError('--out needs the path of one blob: container/name');
  const container: ContainerClient = service.getContainerClient(path.slice(0, slash));
  const blob = container.getBlobClient(path.slice(slash + 1));
  if (!(await blob.exists())) throw new Failure(`There is no blob ${path}.`);
  if (out === '-') {
    await pipeline((await blob.download()).readableStreamBody ?? [], process.stdout);
    return;
  }
  const file = fromUser(out);
  await blob.downloadToFile(file);
  note(`${relative(fromUser('.'), file)}: ${readableSize((await stat(file)).size)} written`);
}

function explained(error: unknown): unknown {
  const { code, message, path } = error as NodeJS.ErrnoException;
  if (code === 'REQUEST_SEND_ERROR' || code === 'ECONNREFUSED') {
    return new Failure(
      `No storage is running there. Start it with ${commandLine('start')} (or ${commandLine('storage')}).`,
    );
  }
  const isOfFiles = path !== undefined && code !== undefined;
  return isOfFiles ? new Failure(`--out: ${message}`, { cause: error }) : error;
}
