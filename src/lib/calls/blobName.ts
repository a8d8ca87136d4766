/** What a blob's name says, in the areas of calls: `<agent_id>/<conversation_id>[.<hash>].<extension>`. */
export interface CallBlobName {
  readonly agentId: string;
  readonly conversationId: string;
  /** Other bytes were stored under the usual name before. */
  readonly isBeside: boolean;
  readonly extension: CallExtension;
}

type CallExtension = 'json' | 'otel.json' | 'mp3';

const NAME = /^([A-Za-z0-9_-]{1,256})\/([A-Za-z0-9_-]{1,256})(\.[0-9a-f]{32})?\.(json|otel\.json|mp3)$/;

/** Undefined for what the app has not named. `name` is without the folder of the area. */
export function readBlobName(name: string): CallBlobName | undefined {
  const [, agentId, conversationId, hash, extension] = NAME.exec(name) ?? [];
  if (agentId === undefined || conversationId === undefined) return undefined;
  return { agentId, conversationId, isBeside: hash !== undefined, extension: extension as CallExtension }; // by the pattern
}

/** What the names of a call begin with, and no other call's: ids hold no dots. */
export function stemOf({ agentId, conversationId }: Pick<CallBlobName, 'agentId' | 'conversationId'>): string {
  return `${agentId}/${conversationId}.`;
}
