import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { root } from './bicep.ts';

/** The language service is not a module: it leaves this global behind. Only what is used here. */
interface Kusto {
  readonly Language: {
    readonly KustoCode: { ParseAndAnalyze(text: string, globals: unknown): KustoCode };
    readonly GlobalState: { readonly Default: unknown };
  };
}

interface List<T> {
  readonly Count: number;
  getItem(index: number): T;
}

interface KustoCode {
  GetDiagnostics(): List<{ readonly Message: string }>;
  readonly ResultType: { readonly Columns?: List<{ readonly Name: string }> } | null;
}

const require = createRequire(import.meta.url);
require('@kusto/language-service-next/bridge.min.js');
require('@kusto/language-service-next/Kusto.Language.Bridge.min.js');
const { KustoCode, GlobalState } = (globalThis as unknown as { Kusto: Kusto }).Kusto.Language;

/** The tables of Application Insights, and of the workspace what storage writes, with the columns that a query here may use. */
const TABLES = {
  traces:
    'timestamp: datetime, message: string, severityLevel: int, operation_Name: string, operation_Id: string, cloud_RoleInstance: string',
  exceptions:
    'timestamp: datetime, type: string, innermostType: string, outerMessage: string, operation_Id: string, cloud_RoleInstance: string',
  StorageBlobLogs:
    'TimeGenerated: datetime, AccountName: string, OperationName: string, StatusText: string, RequesterUpn: string, CallerIpAddress: string, ObjectKey: string',
  requests:
    'timestamp: datetime, name: string, success: bool, resultCode: string, duration: real, operation_Name: string, operation_Id: string',
};

const prelude = Object.entries(TABLES).map(([name, columns]) => `let ${name} = datatable(${columns})[];\n`);

/** What the language service says about a query, and the columns of its result. */
export function analyze(query: string): { readonly problems: string[]; readonly columns: string[] } {
  const code = KustoCode.ParseAndAnalyze(prelude.join('') + query, GlobalState.Default);
  return {
    problems: itemsOf(code.GetDiagnostics()).map(({ Message }) => Message),
    columns: itemsOf(code.ResultType?.Columns).map(({ Name }) => Name),
  };
}

function itemsOf<T>(list: List<T> | undefined): T[] {
  return Array.from({ length: list?.Count ?? 0 }, (_, index) => (list as List<T>).getItem(index));
}

/** The queries of infra/queries/ by their name. */
export const queries: Readonly<Record<string, string>> = Object.fromEntries(
  readdirSync(`${root}infra/queries`).map((name) => [
    name.replace('.kql', ''),
    readFileSync(`${root}infra/queries/${name}`, 'utf8'),
  ]),
);

/** The tables that a query reads. */
export function tablesOf(query: string): string[] {
  return Object.keys(TABLES).filter((table) => new RegExp(`^\\s*\\(?${table}$`, 'm').test(query));
}
