/** The kinds of values that say who may connect: origins, networks, rates, password files. */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { ANY_ORIGIN } from "../protocol/cross-origin.js";
import { isNetwork, UNIX_PEERS } from "../protocol/network.js";
import { PasswordFileError, parsePasswordFile } from "../protocol/password-file.js";
import type { Check } from "./check.js";

const NULL_ORIGIN = "null";

export function origin(): Check<string> {
  return {
    allowed: "an origin such as https://example.com or http://localhost:8080, without a path; or *",
    schema: z.string().transform(asBrowsersWrite).pipe(z.string()),
    format: String,
  };
}

/**
 * Lower case, without the port that the scheme has anyway. Undefined where more than an origin was written: a path would
 * be ignored, and seem to count.
 */
function asBrowsersWrite(text: string): string | undefined {
  if (text === ANY_ORIGIN || text === NULL_ORIGIN) return text;
  if (!URL.canParse(text) || text.includes(ANY_ORIGIN)) return undefined;
  const { protocol, host, href } = new URL(text);
  const written = `${protocol}//${host}`;
  return host !== "" && (href === written || href === `${written}/`) ? written : undefined;
}

export function network(): Check<string> {
  const allowed = `an IP address, a network such as 10.0.0.0/8, or ${UNIX_PEERS}`;
  return {
    allowed,
    schema: z.string().refine((text) => text === UNIX_PEERS || isNetwork(text), `must be ${allowed}`),
    format: String,
  };
}

/** A number for each second. */
export function rate({ from, to }: { readonly from: number; readonly to: number }): Check<number> {
  const read = (text: string) => Number(/^(\d+)(?:\/s)?$/.exec(text)?.[1]);
  return {
    allowed: `a rate from ${from}/s to ${to}/s`,
    schema: z.union([z.number(), z.string().transform(read)]).pipe(z.int().min(from).max(to)),
    format: (value) => `${value}/s`,
  };
}

/** An absolute path. What the file holds is checked at the start and at each reload, before any worker reads it. */
export function passwordFile(): Check<string> {
  return {
    allowed: "the path of an htpasswd file with bcrypt or {SHA} hashes",
    schema: z.string().superRefine((path, context) => {
      const problem = whyUnusable(path);
      if (problem) context.addIssue({ code: "custom", message: problem });
    }),
    format: String,
  };
}

function whyUnusable(path: string): string | undefined {
  try {
    parsePasswordFile(readFileSync(path, "utf8"));
    return undefined;
  } catch (error) {
    if (error instanceof PasswordFileError) return error.message;
    return `${path} cannot be read (${(error as Error).message})`;
  }
}
