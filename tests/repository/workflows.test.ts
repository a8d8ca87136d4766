import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Record<string, unknown>;
}

interface Job {
  readonly uses?: string;
  readonly steps?: readonly Step[];
  readonly permissions?: Record<string, string>;
  readonly 'timeout-minutes'?: number;
  readonly environment?: string;
}

interface Workflow {
  readonly permissions?: object;
  readonly concurrency?: { readonly group: string };
  readonly defaults?: { readonly run: { readonly shell: string } };
  readonly jobs: Record<string, Job>;
}

/** Releases and their commits, read from the repositories' tags on 2026-11-22. */
const ACTIONS: Record<string, string> = {
  'actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1': 'v7.0.1',
  'actions/setup-node@820762786026740c76f36085b0efc47a31fe5020': 'v7.0.0',
  'actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f': 'v7.0.0',
  'actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c': 'v8.0.1',
  'Azure/login@f5d393ae46f8fde4be8b75f32e3fc50e654ad0ca': 'v3.0.1',
  'Azure/functions-action@c5060b3b8bb1ebbcb531abd00c822ecbaa8ea656': 'v1.5.7',
  'Azure/setup-azd@0b7e3a35ab00f2eee7080c845eb39c3f0ebfa553': 'v2.4.0',
};

const repository = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string) => readFileSync(join(repository, path), 'utf8');
const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
const folder = '.github/workflows';
const files = readdirSync(join(repository, folder));
const workflows = files.map((file) => ({ file, text: read(`${folder}/${file}`) }));
const jobs = workflows.flatMap(({ file, text }) =>
  Object.entries((parse(text, { strict: true }) as Workflow).jobs).map(([name, job]) => ({ file, name, job })),
);
const steps = jobs.flatMap(({ file, name, job }) => (job.steps ?? []).map((step) => ({ file, name, step })));

test('there is a workflow for CI and one for deployment', () => {
  expect(files.sort()).toEqual(['ci.yml', 'deploy-package.yml', 'deploy.yml']);
  expect(steps.length).toBeGreaterThan(10);
});

describe.each(workflows)('$file', ({ file, text }) => {
  const workflow = parse(text) as Workflow;

  test('gives no permission to a job that does not ask for it, and runs in a concurrency group', () => {
    expect(workflow.permissions).toEqual({});
    expect(workflow.concurrency?.group).toBeTruthy();
  });

  test('notices a command that fails within a pipe', () => {
    expect(workflow.defaults?.run.shell).toBe('bash');
  });

  test.each(Object.entries(workflow.jobs))('%s asks for the least, and ends', (name, job) => {
    const signsIn = file !== 'ci.yml' && name !== 'build';
    const readsPackages = signsIn && name !== 'infrastructure';
    expect(job.permissions).toEqual({
      contents: 'read',
      ...(readsPackages ? { actions: 'read' } : {}),
      ...(signsIn ? { 'id-token': 'write' } : {}),
    });
    // A job that calls another workflow has the time limits of that one's jobs.
    if (job.uses === undefined) expect(job['timeout-minutes']).toBeLessThanOrEqual(60);
    else expect(existsSync(join(repository, job.uses))).toBe(true);
  });

  test('uses actions only by a commit that was read from their tags, with the version beside it', () => {
    const used = steps.filter((one) => one.file === file).flatMap(({ step }) => step.uses ?? []);
    expect(used.filter((action) => ACTIONS[action] === undefined)).toEqual([]);
    for (const [, action = '', version] of text.matchAll(/uses: ([^\s.]\S*)(?: # (\S+))?$/gm)) {
      expect([action, ACTIONS[action]]).toEqual([action, version ?? 'a version']);
    }
    expect(text).not.toMatch(/uses: docker:/);
  });

  test('knows no secret', () => {
    expect(text).not.toMatch(/secrets[.[:]|inherit/);
  });

  test('puts nothing that others can write into a shell', () => {
    const written = steps.filter((one) => one.file === file).map(({ step }) => step.run ?? '');
    expect(written.flatMap((run) => run.match(/\$\{\{(?! matrix\.).*?\}\}/g) ?? [])).toEqual([]);
  });
});

test('every script that a workflow or azure.yaml names exists', () => {
  const commands = [...workflows.map(({ text }) => text), read('azure.yaml')].join('\n');
  const named = [...commands.matchAll(/\bnpm (?:run (?:-s )?([\w:-]+)|(test))\b/g)].map(
    ([, run, it]) => run ?? it ?? '',
  );
  expect(new Set(named)).toEqual(new Set(['node-version', 'test', 'package']));
  expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
  for (const [path] of commands.matchAll(/\.github\/scripts\/[\w-]+\.sh/g))
    expect(existsSync(join(repository, path))).toBe(true);
});

test('no checkout leaves its token behind', () => {
  const checkouts = steps.filter(({ step }) => step.uses?.startsWith('actions/checkout@'));
  expect(checkouts.length).toBeGreaterThan(0);
  expect(checkouts.filter(({ step }) => step.with?.['persist-credentials'] !== false)).toEqual([]);
});

test('CI tests on the pinned Node and on the oldest supported one, and says which', () => {
  const { jobs } = parse(read(`${folder}/ci.yml`)) as {
    jobs: { test: { strategy: { matrix: { include: object[] } } } };
  };
  expect(jobs.test.strategy.matrix.include).toEqual([
    { installed: 20, runs: 24, pinned: true },
    { installed: 22, runs: 22, pinned: false },
  ]);
});

test('what is signed in is approved by an environment, and code cannot use the identity of infrastructure', () => {
  const signedIn = jobs.filter(({ job }) => job.permissions?.['id-token'] === 'write' && job.uses === undefined);
  expect(signedIn.map(({ name, job }) => [name, job.environment])).toEqual([
    // biome-ignore lint/suspicious/noTemplateCurlyInString: an expression of GitHub
    ['package', '${{ inputs.environment }}'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the same
    ['infrastructure', '${{ inputs.environment }}-infrastructure'],
  ]);
});

describe('deploy.yml', () => {
  const deploy = parse(read(`${folder}/deploy.yml`)) as {
    on: { push: object; workflow_dispatch: { inputs: Record<string, { options?: string[] }> } };
    jobs: Record<string, Job & { if?: string; needs?: string | string[]; with?: Record<string, string> }>;
  };
  const { package: deployed } = (
    parse(read(`${folder}/deploy-package.yml`)) as { jobs: Record<'package', Required<Job>> }
  ).jobs;

  test('a push to azure-main deploys code and no infrastructure; what is deployed was built and tested once', () => {
    expect(deploy.on.push).toEqual({ branches: ['azure-main'] });
    expect(deploy.jobs['infrastructure']?.if).toMatch(/^github\.event_name == 'workflow_dispatch' && /);
    const action = deployed.steps.find(({ uses }) => uses?.startsWith('Azure/functions-action@'));
    expect(action?.with).toMatchObject({ package: 'package/elevenlabs-webhook.zip', 'remote-build': false });
    expect(JSON.stringify(deployed)).not.toContain('npm');
  });

  test('production gets the package that was healthy in the test environment, when there is one', () => {
    const { test: tried, production } = deploy.jobs;
    expect([tried?.needs, tried?.with]).toEqual(['build', { environment: 'test' }]);
    expect([production?.needs, production?.with]).toEqual([['build', 'test'], { environment: 'production' }]);
    expect(tried?.if).toBe("vars.HAS_TEST_ENVIRONMENT == 'true'");
    expect(production?.if).toMatch(/needs\.build\.result == 'success'.*"success", "skipped".*needs\.test\.result/);
    expect(production?.uses).toBe(tried?.uses);
  });

  test('a kept package is deployed without a build, and only after its run was looked at', () => {
    const { kept } = deploy.jobs;
    expect(deploy.on.workflow_dispatch.inputs['what']?.options).toContain('kept package');
    expect(kept?.needs).toBeUndefined();
    expect(kept?.if).toMatch(/inputs\.what == 'kept package'$/);
    const names = deployed.steps.map(({ run, uses }) => run ?? uses ?? '');
    const at = (what: string) => names.findIndex((name) => name.includes(what));
    expect(at('check-kept-run.sh')).toBeGreaterThan(0);
    expect(at('check-kept-run.sh')).toBeLessThan(at('download-artifact'));
    expect(at('check-kept-run.sh')).toBeLessThan(at('Azure/login'));
  });
});

describe('azure.yaml', () => {
  const { services, requiredVersions } = parse(read('azure.yaml')) as {
    services: Record<string, Record<string, unknown>>;
    requiredVersions: { azd: string };
  };

  // Azure/azure-dev#6748: an older azd ignores it and lets Azure build.
  test('asks for an azd that knows remoteBuild', () => {
    expect(requiredVersions).toEqual({ azd: '>= 1.23.5' });
  });

  test('hands over the folder that npm run package makes, without a build in Azure', () => {
    expect(services['webhook']).toMatchObject({ host: 'function', project: '.', dist: 'out/app', remoteBuild: false });
  });

  // azd compares both before it uploads, and refuses.
  test('.funcignore does not exclude node_modules as a whole, nor anything of the package', () => {
    const patterns = read('.funcignore')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(patterns).toContain('node_modules/*');
    const refused =
      /^\/?(node_modules\/?|\*|out(\/app)?\/?|dist\/?|host\.json|package\.json|\*\.(js|json|txt)|LICENSE)$/;
    expect(patterns.filter((pattern) => refused.test(pattern))).toEqual([]);
  });
});
