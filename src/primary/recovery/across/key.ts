/** The names of what recovery keeps in Redis. Pure. */

/** A host's, as the uplink makes them. */
const UID = /^[\w-]{16}$/;
/** A private id as Socket.IO makes them; what a client says is part of a key's name only if it is one. */
const PID = /^[\w-]{20}$/;

export interface Keys {
  /** Hash of all hosts: uid to tag. */
  readonly hosts: string;
  /** Stream: what the host has sequenced. */
  log(uid: string): string;
  /** Hash: private id to record. */
  sessions(uid: string): string;
  /** Hash: private ids of the host's sessions that others have given back while it could not be asked. */
  taken(uid: string): string;
  /** There while the host lives. */
  alive(uid: string): string;
  /** Who is about to give the session back; `after`: in place of that one, who has died over it. */
  claim(pid: string, after?: string): string;
}

export function keysOf(prefix: string): Keys {
  const stem = `${prefix}-holdfast-recovery#`;
  return {
    hosts: `${stem}hosts`,
    log: (uid) => `${stem}log#${uid}`,
    sessions: (uid) => `${stem}sessions#${uid}`,
    taken: (uid) => `${stem}taken#${uid}`,
    alive: (uid) => `${stem}alive#${uid}`,
    claim: (pid, after) => `${stem}claim#${pid}${after === undefined ? "" : `#${after}`}`,
  };
}

export function isUid(text: string): boolean {
  return UID.test(text);
}

export function isPid(text: string): boolean {
  return PID.test(text);
}
