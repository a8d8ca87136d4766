/** Where summaries go. */
export interface Receiver {
  readonly url: URL;
  /** Sent as `Authorization: Bearer …` when there is one. */
  readonly token: string | undefined;
}

type Connection =
  | { readonly kind: 'connection-string'; readonly connectionString: string }
  | { readonly kind: 'identity'; readonly blobServiceUri: string; readonly clientId: string | undefined };

export interface Settings {
  readonly connection: Connection;
  /** Container, or container/folder: the same value as the webhook receiver's. */
  readonly transcriptPath: string;
  readonly receiver: Receiver;
}

const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]'];

/** Throws an error that names the setting and never repeats its value. */
export function readSettings(environment: NodeJS.ProcessEnv): Settings {
  return {
    connection: connectionOf(environment),
    transcriptPath: (environment['TRANSCRIPT_STORAGE_PATH'] || 'transcripts').replace(/^\/+|\/+$/g, ''),
    receiver: { url: receiverUrl(environment['HAND_ON_URL']), token: environment['HAND_ON_TOKEN'] || undefined },
  };
}

/**
 * The names are those of the queue trigger itself, so one connection serves both:
 * https://learn.microsoft.com/azure/azure-functions/functions-reference#common-properties-for-identity-based-connections
 */
function connectionOf(environment: NodeJS.ProcessEnv): Connection {
  const connectionString = environment['Calls'];
  if (connectionString) return { kind: 'connection-string', connectionString };
  const blobServiceUri = environment['Calls__blobServiceUri'];
  if (!blobServiceUri) throw new Error('The setting Calls, or Calls__blobServiceUri, is missing');
  return { kind: 'identity', blobServiceUri, clientId: environment['Calls__clientId'] || undefined };
}

function receiverUrl(text: string | undefined): URL {
  if (!text) throw new Error('The setting HAND_ON_URL is missing');
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && LOOPBACK.includes(url.hostname));
  if (url === undefined || !isSafe) throw new Error('The setting HAND_ON_URL must be an https address');
  return url;
}
