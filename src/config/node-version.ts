/**
 * What there is to say about the Node that runs us: too old to start, or without known security fixes. Pure, so that the
 * table below can be tested and changed in one place.
 */

export interface VersionVerdict {
  /** "refuse" ends the start with exit code 78. */
  readonly level: "refuse" | "warn";
  readonly text: string;
}

type Version = readonly [major: number, minor: number, patch: number];

/** As `engines` in package.json. */
const OLDEST: Version = [20, 19, 0];
/** The oldest releases of the lines in service without a known hole, as of November 2026. */
const PATCHED: readonly Version[] = [
  [22, 22, 2],
  [24, 14, 1],
];
/** Later lines have a support of their own, which we do not know yet. */
const FIRST_UNKNOWN_MAJOR = 26;

/** `version` as in `process.version` or `process.versions.node`. Undefined when all is well. */
export function judgeNodeVersion(version: string): VersionVerdict | undefined {
  const running = parse(version);
  if (isOlder(running, OLDEST)) {
    return { level: "refuse", text: `Node ${text(running)} is too old: ${text(OLDEST)} is the oldest that works` };
  }
  const [major] = running;
  if (major >= FIRST_UNKNOWN_MAJOR) return undefined;
  const patched = PATCHED.find((line) => line[0] === major);
  if (patched === undefined) return warn(`Node ${text(running)} is of a line that gets no security fixes any more`);
  return isOlder(running, patched) ? warn(`Node ${text(running)} has known security holes`) : undefined;
}

function warn(what: string): VersionVerdict {
  return { level: "warn", text: `${what}: use ${PATCHED.map((line) => `${text(line)} or later`).join(", or ")}` };
}

function parse(version: string): Version {
  const [major = 0, minor = 0, patch = 0] = version.replace(/^v/, "").split(/[.-]/).map(Number);
  return [major, minor, patch];
}

function isOlder(a: Version, b: Version): boolean {
  const differing = a.findIndex((part, index) => part !== b[index]);
  return differing !== -1 && (a[differing] as number) < (b[differing] as number);
}

function text(version: Version): string {
  return version.join(".");
}
