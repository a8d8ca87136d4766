import type { ModelUsage, Transcript } from '../cli/calls/transcript.ts';
import { Facts } from './facts.tsx';

type Metadata = NonNullable<Transcript['metadata']>;

/**
 * What the call has cost. The use of language models comes in two counts: all that was begun, which is billed, and what was
 * completed, a part of it. They are shown side by side and never added.
 */
export function Costs({ metadata: { cost, cost_fiat, charging } }: { metadata: Metadata }) {
  const begun = modelsOf(charging?.llm_usage?.initiated_generation);
  const completed = modelsOf(charging?.llm_usage?.irreversible_generation);
  const facts = [
    ['in all', together(credits(cost), dollars(cost_fiat))],
    ['the call', credits(charging?.call_charge)],
    ['language models', together(credits(charging?.llm_charge), dollars(charging?.llm_price))],
    ['platform', dollars(charging?.platform_price)],
    ['free minutes used', charging?.free_minutes_consumed ? String(charging.free_minutes_consumed) : undefined],
    ['plan', charging?.tier ?? undefined],
  ].flatMap(([name = '', value]) => (value === undefined ? [] : [{ name, value }]));
  if (facts.length === 0 && begun.length === 0 && completed.length === 0) return null;
  return (
    <section>
      <h3>Costs</h3>
      <Facts facts={facts} />
      {(begun.length > 0 || completed.length > 0) && (
        <div class="scroll-sideways">
          <table>
            <caption>
              Language models. All that was begun is billed; what was completed is a part of it. The two are not to be
              added.
            </caption>
            <thead>
              <tr>
                <th scope="col">Count</th>
                <th scope="col">Model</th>
                <th scope="col">Input tokens</th>
                <th scope="col">Output tokens</th>
                <th scope="col">Price</th>
              </tr>
            </thead>
            <tbody>
              {begun.map((model) => (
                <ModelRow key={`begun ${model.name}`} count="begun (billed)" model={model} />
              ))}
              {completed.map((model) => (
                <ModelRow key={`completed ${model.name}`} count="completed" model={model} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

interface Model {
  readonly name: string;
  readonly input: number;
  readonly output: number;
  readonly price: number;
}

function ModelRow({ count, model }: { count: string; model: Model }) {
  return (
    <tr>
      <td>{count}</td>
      <td>{model.name}</td>
      <td class="number">{model.input}</td>
      <td class="number">{model.output}</td>
      <td class="number">{dollars(model.price)}</td>
    </tr>
  );
}

/** One count by model. The prices of a count are those of its tokens, so they may be added (docs/facts/elevenlabs.md#costs). */
function modelsOf(usage: ModelUsage): Model[] {
  return Object.entries(usage?.model_usage ?? {}).map(
    ([name, { input, input_cache_read, input_cache_write, output_total }]) => {
      const inputs = [input, input_cache_read, input_cache_write];
      const sum = (member: 'tokens' | 'price', of: readonly (typeof input)[]) =>
        of.reduce((total, one) => total + (one?.[member] ?? 0), 0);
      return {
        name,
        input: sum('tokens', inputs),
        output: sum('tokens', [output_total]),
        price: sum('price', [...inputs, output_total]),
      };
    },
  );
}

function credits(amount: number | null | undefined): string | undefined {
  return typeof amount === 'number' ? `${amount} credits` : undefined;
}

function dollars(amount: number | null | undefined): string | undefined {
  if (typeof amount !== 'number') return undefined;
  const digits = { minimumFractionDigits: 2, maximumSignificantDigits: 3 };
  return `$${new Intl.NumberFormat('en', amount < 1 ? { maximumSignificantDigits: 3 } : digits).format(amount)}`;
}

function together(one: string | undefined, other: string | undefined): string | undefined {
  const both = [one, other].filter((text) => text !== undefined);
  return both.length === 0 ? undefined : both.join(' · ');
}
