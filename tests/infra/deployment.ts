import { readFileSync } from 'node:fs';

/** A resource as the compiler predicts it. What is only known in Azure stands as an expression in square brackets. */
export interface Resource {
  readonly type: string;
  readonly name: string;
  readonly properties: Record<string, unknown>;
  readonly [member: string]: unknown;
}

export const deploymentNames = ['default', 'private', 'all'] as const;

/** One of the deployments, by its snapshot; `compile.test.ts` compares that with the template. `initiation` alone has two apps. */
export class Deployment {
  readonly text: string;
  readonly resources: readonly Resource[];
  readonly outputs: Readonly<Record<string, string>>;

  constructor(name: (typeof deploymentNames)[number] | 'initiation') {
    this.text = readFileSync(new URL(`deployments/${name}.snapshot.json`, import.meta.url), 'utf8');
    const { predictedResources, outputs } = JSON.parse(this.text);
    this.resources = predictedResources;
    this.outputs = outputs;
  }

  of(type: string): Resource[] {
    return this.resources.filter((resource) => resource.type === type);
  }

  /** The only one of its type (whose name begins so). */
  one(type: string, name = ''): Resource {
    const [resource, ...others] = this.of(type).filter((each) => each.name.startsWith(name));
    if (resource === undefined || others.length > 0) throw new Error(`${others.length + 1} or none of ${type} ${name}`);
    return resource;
  }

  get settings(): Readonly<Record<string, string>> {
    return this.one('Microsoft.Web/sites/config').properties as Record<string, string>;
  }
}
