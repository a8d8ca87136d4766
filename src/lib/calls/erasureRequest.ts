/** Whose calls are to go. */
export type ErasureRequest =
  | { readonly conversationId: string; readonly agentId?: string | undefined }
  /** In its one form: `normaliseNumber`. */
  | { readonly number: string }
  | { readonly voiceId: string };
