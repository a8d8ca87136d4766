import type * as z from 'zod/mini';
import { type AgentRules, agentRulesSchema, demandedOf, toolNamesSchema } from './agentRules.ts';
import { parseAnswer } from './answer.ts';
import type { ClientOptions } from './client.ts';
import { ElevenLabsError } from './errors.ts';
import { type RetryPolicy, withRetries } from './retry.ts';
import { type ApiRequest, type Call, type Limits, Transport } from './transport.ts';

const LIMITS: Limits = {
  connectMs: 5_000,
  headersMs: 10_000,
  cloneHeadersMs: 10_000,
  bodyMs: 10_000,
  answerBytes: 8 * 1024 * 1024,
};
const RETRIES: RetryPolicy = { tries: 2, firstDelayMs: 500, longestDelayMs: 5_000 };
/** More than an agent has; each is a request. */
const MOST_TOOLS = 50;

/** What agents allow and demand, as ElevenLabs says it. Needs a key with `convai_read`; fails with an `ElevenLabsError`. */
export class AgentRulesApi {
  readonly #transport: Transport;
  readonly #retries: RetryPolicy;

  constructor({ baseUrl, apiKey, limits, retries, telemetry }: ClientOptions) {
    this.#transport = new Transport({ baseUrl, apiKey, limits: { ...LIMITS, ...limits }, telemetry });
    this.#retries = { ...RETRIES, ...retries };
  }

  /** A tool that does not exist any more demands nothing. */
  async rulesOf(agentId: string, call: Call): Promise<AgentRules> {
    const path = `/v1/convai/agents/${encodeURIComponent(agentId)}`;
    const rules = await this.#ask({ method: 'GET', path, route: '/v1/convai/agents/{id}' }, agentRulesSchema, call);
    const names = [...rules.demands];
    for (const toolId of rules.toolIds.slice(0, MOST_TOOLS)) names.push(...(await this.#namesOf(toolId, call)));
    return { ...rules, demands: demandedOf(names) };
  }

  /** Whether the key may read agents. */
  async check(call: Call): Promise<void> {
    const query = new URLSearchParams({ page_size: '1' });
    await this.#transport.exchange({ method: 'GET', path: '/v1/convai/agents', query }, call, 1);
  }

  /** Ends all connections; calls under way fail. */
  close(): Promise<void> {
    return this.#transport.close();
  }

  async #namesOf(toolId: string, call: Call): Promise<string[]> {
    const path = `/v1/convai/tools/${encodeURIComponent(toolId)}`;
    try {
      return await this.#ask({ method: 'GET', path, route: '/v1/convai/tools/{id}' }, toolNamesSchema, call);
    } catch (error) {
      if (error instanceof ElevenLabsError && error.reason === 'not_found') return [];
      throw error;
    }
  }

  async #ask<T>(api: ApiRequest, schema: z.ZodMiniType<T>, call: Call): Promise<T> {
    const answer = withRetries(this.#retries, call.signal, (tries) => this.#transport.exchange(api, call, tries));
    return parseAnswer(`${api.method} ${api.path}`, await answer, schema);
  }
}
