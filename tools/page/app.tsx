import { useEffect, useMemo, useState } from 'preact/hooks';
import type { About } from './api.ts';
import { askJson } from './ask.ts';
import { CallList } from './callList.tsx';
import { CallView } from './callView.tsx';
import { choose, NO_FILTER } from './filter.ts';
import { FilterForm } from './filterForm.tsx';
import { followCalls, NOTHING_YET } from './liveCalls.ts';
import { QuarantineView } from './quarantineView.tsx';
import { useShown } from './shown.ts';
import { StatusLine } from './statusLine.tsx';
import { useSearch } from './useSearch.ts';

/** The list on the left, one call on the right; on a phone one of the two. */
export function App() {
  const [live, setLive] = useState(NOTHING_YET);
  const [about, setAbout] = useState<About>();
  const [filter, setFilter] = useState(NO_FILTER);
  const search = useSearch(filter);
  const shown = useShown();
  useEffect(() => followCalls(setLive), []);
  useEffect(() => {
    askJson<About>('/api/about').then(setAbout, () => {});
  }, []);
  const agents = useMemo(() => [...new Set(live.calls.map((call) => call.agent_id))].sort(), [live.calls]);
  const chosen = useMemo(() => choose(live.calls, filter, search.found), [live.calls, filter, search.found]);
  const quarantined = live.listed?.quarantined ?? 0;
  return (
    <div class={`page shows-${shown.kind === 'nothing' ? 'list' : 'one'}`}>
      <button type="button" class="skip" onClick={() => document.getElementById('shown')?.focus()}>
        To the call
      </button>
      <header>
        <h1>Calls</h1>
        <StatusLine live={live} about={about} />
      </header>
      <nav aria-label="Calls">
        <FilterForm filter={filter} agents={agents} search={search} onChange={setFilter} />
        {quarantined > 0 && (
          <a class="quarantine-link" href="#/quarantine" aria-current={shown.kind === 'quarantine'}>
            In quarantine: {quarantined}
          </a>
        )}
        <CallList calls={chosen} all={live.calls.length} live={live} shown={shown} filter={filter} />
      </nav>
      <main id="shown" tabIndex={-1}>
        {shown.kind === 'nothing' && <p class="nothing">Choose a call from the list.</p>}
        {shown.kind === 'quarantine' && <QuarantineView />}
        {shown.kind === 'call' && (
          <CallView
            key={`${shown.agentId}/${shown.conversationId}`}
            path={`${shown.agentId}/${shown.conversationId}`}
            version={versionOf(live.calls, shown)}
          />
        )}
      </main>
    </div>
  );
}

/** Changes when something more was stored of the call: a recording that came after its transcript. */
function versionOf(
  calls: typeof NOTHING_YET.calls,
  { agentId, conversationId }: { readonly agentId: string; readonly conversationId: string },
): string {
  const call = calls.find(
    ({ agent_id, conversation_id }) => agent_id === agentId && conversation_id === conversationId,
  );
  return call === undefined ? '' : JSON.stringify([call.has, call.missing]);
}
