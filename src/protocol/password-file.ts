/**
 * A file of users and hashed passwords, as Apache's `htpasswd` writes it. The primary checks it when the settings are
 * read, each worker reads it when it starts. Only hashes that are worth having are taken: bcrypt, and {SHA} for files
 * that exist. Pure.
 */

export interface PasswordEntry {
  readonly scheme: "bcrypt" | "sha1";
  /** As bcrypt writes it, or the bytes of the SHA-1 in base64. */
  readonly hash: string;
  /** The binary logarithm of bcrypt's rounds; 0 for SHA-1. */
  readonly cost: number;
}

/** By user name. */
export type PasswordEntries = ReadonlyMap<string, PasswordEntry>;

/** A line that cannot be used, told without its hash. */
export class PasswordFileError extends Error {
  override readonly name = "PasswordFileError";
}

/** What would hold up a worker for more than seconds is a mistake, or meant to. */
const BCRYPT = /^\$2[aby]\$(0[4-9]|1[0-7])\$[./A-Za-z0-9]{53}$/;
const SHA1 = /^\{SHA\}([A-Za-z0-9+/]{27}=)$/;

/** Throws PasswordFileError. */
export function parsePasswordFile(text: string): PasswordEntries {
  const entries = new Map<string, PasswordEntry>();
  text.split(/\r?\n/).forEach((line, i) => {
    if (line.trim() === "" || line.startsWith("#")) return;
    const colon = line.indexOf(":");
    const user = line.slice(0, Math.max(colon, 0));
    if (user === "") throw new PasswordFileError(`line ${i + 1} is not USER:HASH`);
    if (entries.has(user)) throw new PasswordFileError(`line ${i + 1} names ${JSON.stringify(user)} again`);
    entries.set(user, entryOf(line.slice(colon + 1).trim(), i + 1));
  });
  if (entries.size === 0) throw new PasswordFileError("it names no user");
  return entries;
}

function entryOf(hash: string, line: number): PasswordEntry {
  const cost = BCRYPT.exec(hash)?.[1];
  if (cost !== undefined) return { scheme: "bcrypt", hash, cost: Number(cost) };
  const sha1 = SHA1.exec(hash)?.[1];
  if (sha1 !== undefined) return { scheme: "sha1", hash: sha1, cost: 0 };
  throw new PasswordFileError(`line ${line} holds ${kindOf(hash)}: only bcrypt (htpasswd -B) and {SHA} are taken`);
}

function kindOf(hash: string): string {
  if (hash.startsWith("$apr1$")) return "an MD5 hash (apr1)";
  if (hash.startsWith("$2")) return "a bcrypt hash that is malformed, or of a cost not from 4 to 17";
  if (hash.startsWith("{SHA}")) return "a {SHA} hash that is malformed";
  if (hash.startsWith("$")) return "a hash of another kind";
  return "a crypt hash or a plain password";
}
