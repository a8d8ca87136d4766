import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { root } from './bicep.ts';
import { Deployment, deploymentNames, type Resource } from './deployment.ts';
import { analyze, queries, tablesOf } from './kusto.ts';

interface Criterion {
  readonly query: string;
  readonly metricMeasureColumn?: string;
  readonly timeAggregation: string;
  readonly operator: string;
  readonly threshold: number;
}

const host = JSON.parse(readFileSync(`${root}host.json`, 'utf8')) as {
  logging: {
    logLevel: Record<string, string>;
    applicationInsights: { samplingSettings: { isEnabled: boolean; excludedTypes: string } };
  };
};
const functionNames = readdirSync(`${root}src/functions`).map((name) => name.replace('.ts', ''));

const queryAlerts = (deployment: Deployment) => deployment.of('Microsoft.Insights/scheduledQueryRules');
const criterionOf = ({ properties }: Resource) => (properties['criteria'] as { allOf: [Criterion] }).allOf[0];

describe.each(deploymentNames)('in the deployment "%s"', (name) => {
  const deployment = new Deployment(name);

  it('there is an alert for everything that means something here', () => {
    const alerts = [...queryAlerts(deployment), ...deployment.of('Microsoft.Insights/metricAlerts')];
    const options = ['failed-calls', 'health-down', 'reads-by-people'];
    expect(alerts.map((alert) => alert.name).sort()).toEqual(
      [
        'calls-lost',
        'calls-recovered',
        'clone-failures',
        'memory-high',
        'no-events',
        'no-heartbeat',
        'process-died',
        'quarantine-grew',
        'reconcile-failures',
        'server-errors',
        'signature-failures',
        'slow-answers',
        'sweep-failures',
        ...(name === 'all' ? [...options, 'initiation-late'] : []),
      ].sort(),
    );
    const group = String(deployment.one('Microsoft.Insights/actionGroups')['id']);
    for (const { properties } of alerts) {
      expect(properties['enabled']).toBe(true);
      expect(JSON.stringify(properties['actions'])).toContain(group);
      expect(JSON.stringify(properties['actions']).includes('ag-on-call')).toBe(name === 'all');
    }
  });

  it('each alert asks one of the query files, of the component or of the workspace', () => {
    const component = deployment.one('Microsoft.Insights/components')['id'];
    const workspace = deployment.one('Microsoft.OperationalInsights/workspaces')['id'];
    for (const alert of queryAlerts(deployment)) {
      const { query, metricMeasureColumn, timeAggregation } = criterionOf(alert);
      expect(Object.values(queries)).toContain(query);
      const isAboutStorage = tablesOf(query).includes('StorageBlobLogs');
      expect(alert.properties['scopes']).toEqual([isAboutStorage ? workspace : component]);
      expect(alert.properties['skipQueryValidation'] ?? false).toBe(isAboutStorage);
      if (timeAggregation === 'Count') expect(analyze(query).columns).toContain('timestamp');
      else expect(analyze(query).columns).toContain(metricMeasureColumn);
    }
  });

  it('the workbook shows query files, and every file is used', () => {
    const { serializedData } = deployment.one('Microsoft.Insights/workbooks').properties as { serializedData: string };
    const { items } = JSON.parse(serializedData) as { items: { content: { query?: string } }[] };
    const shown = items.flatMap(({ content }) => content.query ?? []);
    expect(shown.filter((query) => !Object.values(queries).includes(query))).toEqual([]);
    const asked = queryAlerts(new Deployment('all')).map((alert) => criterionOf(alert).query);
    expect(new Set([...shown, ...asked])).toEqual(new Set(Object.values(queries)));
    const answers = ['deliveries', 'failures', 'signatureAge', 'audioSize'].map((query) => queries[query]);
    expect(shown).toEqual(expect.arrayContaining(answers));
  });
});

describe('the availability test, when it is asked for', () => {
  const deployment = new Deployment('all');

  it('asks /health from several places, and two that fail are an alert', () => {
    const test = deployment.one('Microsoft.Insights/webtests');
    expect(test.properties).toMatchObject({
      Enabled: true,
      Kind: 'standard',
      ValidationRules: { ExpectedHttpStatusCode: 200 },
    });
    expect(test.properties['Request']).toMatchObject({
      RequestUrl: expect.stringMatching(/^\[format\('https:\/\/\{0\}\/health', .*\.defaultHostName\)\]$/),
    });
    const component = String(deployment.one('Microsoft.Insights/components')['id']);
    expect(test['tags']).toMatchObject({ [`hidden-link:${component}`]: 'Resource' });
    expect(deployment.one('Microsoft.Insights/metricAlerts', 'health-down').properties).toMatchObject({
      scopes: [test['id'], component],
      criteria: { webTestId: test['id'], componentId: component, failedLocationCount: 2 },
    });
  });
});

it('an alert for silence fires on no event at all, within the hours that were asked for', () => {
  const quiet = (name: 'default' | 'all') => {
    const alert = new Deployment(name).one('Microsoft.Insights/scheduledQueryRules', 'no-events');
    return [alert.properties['windowSize'], criterionOf(alert)];
  };
  const criterion = { metricMeasureColumn: 'stored', timeAggregation: 'Total', operator: 'LessThan', threshold: 1 };
  expect(quiet('default')).toEqual(['P2D', expect.objectContaining(criterion)]);
  expect(quiet('all')).toEqual(['PT6H', expect.objectContaining(criterion)]);
});

it('an alert for the heartbeat fires when no run of the timer was good within the minutes that were asked for', () => {
  const heartbeat = (name: 'default' | 'all') => {
    const alert = new Deployment(name).one('Microsoft.Insights/scheduledQueryRules', 'no-heartbeat');
    return [alert.properties['windowSize'], alert.properties['severity'], criterionOf(alert)];
  };
  const criterion = { metricMeasureColumn: 'well', timeAggregation: 'Total', operator: 'LessThan', threshold: 1 };
  expect(heartbeat('default')).toEqual(['PT30M', 0, expect.objectContaining(criterion)]);
  expect(heartbeat('all')).toEqual(['PT1H', 0, expect.objectContaining(criterion)]);
});

it('an alert for reconciliation fires when no run was good for three hours', () => {
  const alert = new Deployment('default').one('Microsoft.Insights/scheduledQueryRules', 'reconcile-failures');
  expect([alert.properties['windowSize'], criterionOf(alert)]).toEqual([
    'PT3H',
    expect.objectContaining({ metricMeasureColumn: 'well', operator: 'LessThan', threshold: 1 }),
  ]);
});

it('an alert for failed calls fires above the number that was given', () => {
  const alert = new Deployment('all').one('Microsoft.Insights/scheduledQueryRules', 'failed-calls');
  expect(criterionOf(alert)).toMatchObject({ timeAggregation: 'Count', operator: 'GreaterThan', threshold: 5 });
});

it('alerts go to all e-mail addresses that were given', () => {
  const receivers = (name: 'default' | 'all') =>
    new Deployment(name).one('Microsoft.Insights/actionGroups').properties['emailReceivers'];
  expect(receivers('default')).toEqual([]);
  expect(receivers('all')).toMatchObject([
    { emailAddress: 'operator@example.com' },
    { emailAddress: 'second@example.com' },
  ]);
});

it('a budget is there when an amount was given, and begins on a day that no later deployment changes', () => {
  expect(new Deployment('default').of('Microsoft.Consumption/budgets')).toEqual([]);
  expect(new Deployment('all').one('Microsoft.Consumption/budgets').properties).toMatchObject({
    amount: 50,
    timePeriod: { startDate: '2026-12-01' },
    notifications: { actual: { contactEmails: ['operator@example.com', 'second@example.com'] } },
  });
});

it('docs/operate.md says of each alert what to do', () => {
  const headings = readFileSync(`${root}docs/operate.md`, 'utf8').match(/^#+ .*$/gm) ?? [];
  const deployment = new Deployment('all');
  const alerts = [...queryAlerts(deployment), ...deployment.of('Microsoft.Insights/metricAlerts')];
  expect(alerts.length).toBeGreaterThan(12);
  for (const { name, properties } of alerts) {
    expect(headings).toContain(`### ${name}`);
    expect(properties['description']).toContain(`docs/operate.md#${name}`);
  }
});

describe('host.json', () => {
  const { logLevel, applicationInsights } = host.logging;

  it('never samples away what an alert reads', () => {
    const kinds: Record<string, string> = { traces: 'Trace', requests: 'Request', exceptions: 'Exception' };
    const excluded = applicationInsights.samplingSettings.excludedTypes.split(';');
    for (const alert of queryAlerts(new Deployment('default'))) {
      const tables = tablesOf(criterionOf(alert).query);
      expect(tables).not.toEqual([]);
      for (const table of tables) expect(excluded).toContain(kinds[table]);
    }
    expect(excluded).toContain('Exception');
  });

  it("passes every line of the app's own, which LOG_LEVEL filters", () => {
    for (const name of functionNames) expect(logLevel[`Function.${name}.User`]).toBe('Debug');
  });

  it('passes the requests that alerts read', () => {
    expect(logLevel['Host.Results']).toBe('Information');
  });
});

it('queries of requests name functions that exist', () => {
  const named = Object.values(queries).flatMap((query) => [...query.matchAll(/\bname (?:==|in) (\([^)]*\)|'[^']*')/g)]);
  const literals = named.flatMap(([, list = '']) => [...list.matchAll(/'([^']*)'/g)].map(([, name]) => name));
  expect(literals).toContain('postCallWebhook');
  expect(literals.filter((name) => !functionNames.includes(name ?? ''))).toEqual([]);
});
