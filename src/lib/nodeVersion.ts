/** The oldest Node that the app runs on: `engines` of package.json, with which a test compares it. */
export const OLDEST_NODE = '22.19';

/** What to tell the operator when this Node is too old, which `/health` then shows in red: an older one fails every call to storage. */
export function nodeProblem(version = process.versions.node): { node: string; needs: string } | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_NODE.split('.').map(Number);
  const isOld = major < oldestMajor || (major === oldestMajor && minor < oldestMinor);
  return isOld ? { node: version, needs: `>=${OLDEST_NODE}` } : undefined;
}
