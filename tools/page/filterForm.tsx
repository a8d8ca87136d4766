import type { Filter, Result } from './filter.ts';
import type { Search } from './useSearch.ts';

const RESULTS: Readonly<Record<Result, string>> = {
  all: 'All calls',
  failed: 'Failed',
  incomplete: 'Something is missing',
  quarantine: 'With quarantine',
};

interface Props {
  readonly filter: Filter;
  readonly agents: readonly string[];
  readonly search: Search;
  readonly onChange: (filter: Filter) => void;
}

/** What is to be listed. Numbers and ids are found while one types, what was said after Enter: it reads every transcript. */
export function FilterForm({ filter, agents, search, onChange }: Props) {
  const change = (name: keyof Filter) => (event: { currentTarget: { value: string } }) =>
    onChange({ ...filter, [name]: event.currentTarget.value });
  return (
    <form
      aria-label="Choose calls"
      onSubmit={(event) => {
        event.preventDefault();
        search.start();
      }}
    >
      <div class="search">
        <input
          type="search"
          aria-label="Number, id, or words that were said"
          placeholder="Number, id, or words"
          value={filter.words}
          onInput={change('words')}
        />
        <button type="submit" title="Looks in every transcript">
          Search
        </button>
      </div>
      <details>
        <summary>Filters{countOf(filter)}</summary>
        <div class="filters">
          <label>
            Result
            <select value={filter.result} onChange={change('result')}>
              {Object.entries(RESULTS).map(([result, name]) => (
                <option key={result} value={result}>
                  {name}
                </option>
              ))}
            </select>
          </label>
          <label>
            Agent
            <select value={filter.agent} onChange={change('agent')}>
              <option value="">All agents</option>
              {agents.map((agent) => (
                <option key={agent} value={agent}>
                  {agent}
                </option>
              ))}
            </select>
          </label>
          <label>
            From
            <input type="date" value={filter.from} onInput={change('from')} />
          </label>
          <label>
            To
            <input type="date" value={filter.to} onInput={change('to')} />
          </label>
        </div>
      </details>
      {search.seen !== undefined && <p class="hint">Searching what was said: {search.seen} calls …</p>}
      {search.problem !== undefined && (
        <p class="problem" role="alert">
          {search.problem}
        </p>
      )}
    </form>
  );
}

function countOf({ result, agent, from, to }: Filter): string {
  const set = [result === 'all' ? '' : result, agent, from, to].filter((value) => value !== '').length;
  return set === 0 ? '' : ` (${set})`;
}
