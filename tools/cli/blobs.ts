// npm run blobs: shows what npm start has stored, so that nobody needs another tool to find a first transcript.
import { resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { BlobServiceClient, type ContainerClient } from '@azure/storage-blob';
import { connectionString } from '../local/azurite.ts';
import { readLocalSettings } from './localSettings.ts';
import { parsePort } from './ports.ts';
import { combineSettings } from './serve/settings.ts';
import { planStorage } from './serve/storagePlan.ts';

const usage = `Usage: npm run blobs [-- PREFIX] [--storage-port N] [--json]
       npm run blobs -- PATH --out FILE

Lists the blobs in the storage that npm start uses, as container/name; with --out, fetches one into a file
(- for standard output; npm run -s blobs keeps npm's own lines out of it).

  --storage-port N   Azurite's port (else STORAGE_PORT, else 10000)
  --json             one JSON object a blob, with its metadata`;

class UsageError extends Error {}

process.exitCode = await main().catch((error: unknown) => {
  const isUsage =
    error instanceof UsageError || String((error as { code?: unknown }).code).startsWith('ERR_PARSE_ARGS');
  console.error(explain(error), isUsage ? `\n\n${usage}` : '');
  return isUsage ? 2 : 1;
});

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      out: { type: 'string' },
      'storage-port': { type: 'string' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) {
    console.log(usage);
    return 0;
  }
  const [path = ''] = positionals;
  const service = openStorage(values['storage-port'] ?? (process.env['STORAGE_PORT'] || '10000'));
  return values.out === undefined ? list(service, path, values.json === true) : fetchOne(service, path, values.out);
}

function openStorage(portText: string): BlobServiceClient {
  const port = parsePort(portText);
  if (port === undefined) throw new UsageError(`"${portText}" is no port number`);
  const settings = combineSettings(process.env, readLocalSettings());
  const plan = planStorage(settings, port);
  const connection =
    plan.kind === 'development'
      ? connectionString(plan.port)
      : plan.kind === 'elsewhere'
        ? settings[plan.setting]
        : undefined;
  if (connection === undefined) throw new Error('Storage is not configured by a connection string: set CallStorage.');
  return BlobServiceClient.fromConnectionString(connection, { retryOptions: { maxTries: 1 } });
}

async function list(service: BlobServiceClient, prefix: string, asJson: boolean): Promise<number> {
  let count = 0;
  for await (const { name: container } of service.listContainers()) {
    for await (const blob of service.getContainerClient(container).listBlobsFlat({ includeMetadata: true })) {
      const path = `${container}/${blob.name}`;
      if (!path.startsWith(prefix)) continue;
      count++;
      const bytes = blob.properties.contentLength ?? 0;
      const line = { path, bytes, contentType: blob.properties.contentType, metadata: blob.metadata };
      console.log(asJson ? JSON.stringify(line) : `${String(bytes).padStart(12)}  ${path}`);
    }
  }
  if (count === 0 && !asJson)
    console.error(prefix === '' ? 'Nothing is stored yet.' : `Nothing is stored under ${prefix}.`);
  return 0;
}

async function fetchOne(service: BlobServiceClient, path: string, out: string): Promise<number> {
  const slash = path.indexOf('/');
  if (slash < 1) throw new UsageError('--out needs the path of one blob: container/name');
  const container: ContainerClient = service.getContainerClient(path.slice(0, slash));
  const blob = container.getBlobClient(path.slice(slash + 1));
  if (!(await blob.exists())) throw new Error(`There is no blob ${path}.`);
  // npm runs this in the project's folder; the file belongs where the user is.
  if (out !== '-') await blob.downloadToFile(resolve(process.env['INIT_CWD'] ?? '.', out));
  else await pipeline((await blob.download()).readableStreamBody ?? [], process.stdout);
  return 0;
}

function explain(error: unknown): string {
  const code = (error as { code?: unknown }).code;
  if (code === 'REQUEST_SEND_ERROR' || code === 'ECONNREFUSED') {
    return 'No storage answers there. Is it running? Start it with npm start (or npm run storage).';
  }
  return error instanceof Error ? error.message : String(error);
}
