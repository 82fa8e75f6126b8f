/**
 * The certificate and key that --tls-cert and --tls-key name: read and tried at the start and again at each reload, so
 * that workers are never forked with a pair that cannot serve. Primary only; the workers get the texts, not the paths.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { ConfigError } from "./error.js";
import type { Settings } from "./settings.js";

export interface TlsPair {
  /** PEM: the certificate, then the chain up to the root. */
  readonly cert: string;
  /** A secret: never log it. */
  readonly key: string;
  /** For the log. */
  readonly subject: string;
  readonly validTo: string;
  readonly expiresInMs: number;
}

/** Which setting names the file, and where that was said. */
type SourceOf = (key: "tlsCert" | "tlsKey") => string;

interface PemFile {
  /** "tls-cert is "/etc/x.pem" (flag --tls-cert)", to go on with ", but …". */
  readonly name: string;
  readonly path: string;
}

/** Undefined without TLS. Throws ConfigError. `nowMs` is the wall clock's: a certificate knows no other. */
export function readTlsPair(settings: Settings, sourceOf: SourceOf, nowMs: number): TlsPair | undefined {
  const { tlsCert, tlsKey } = settings;
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) throw half(tlsCert === undefined ? "tlsKey" : "tlsCert", sourceOf);
  const certFile = { name: `tls-cert is ${JSON.stringify(tlsCert)} (${sourceOf("tlsCert")})`, path: tlsCert };
  const keyFile = { name: `tls-key is ${JSON.stringify(tlsKey)} (${sourceOf("tlsKey")})`, path: tlsKey };
  const [cert, key] = [read(certFile), read(keyFile)];
  const certificate = tried(certFile, "it holds no certificate in PEM", () => new X509Certificate(cert));
  const privateKey = tried(keyFile, "it holds no private key in PEM without a passphrase", () => createPrivateKey(key));
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new ConfigError([`${keyFile.name}, but it is not the key of the certificate in ${tlsCert}`]);
  }
  // What is left: a key too weak for OpenSSL, a broken chain behind the first certificate, DER.
  tried(certFile, "it cannot be served", () => createSecureContext({ cert, key, minVersion: "TLSv1.2" }));
  const { validTo } = certificate;
  return { cert, key, subject: subjectOf(certificate), validTo, expiresInMs: Date.parse(validTo) - nowMs };
}

function half(given: "tlsCert" | "tlsKey", sourceOf: SourceOf): ConfigError {
  const [name, missing] = given === "tlsCert" ? ["tls-cert", "tls-key"] : ["tls-key", "tls-cert"];
  return new ConfigError([
    `${missing} is not set, but ${name} is (${sourceOf(given)}): TLS needs both, plain HTTP neither`,
  ]);
}

function read({ name, path }: PemFile): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new ConfigError([`${name}, but it cannot be read (${(cause as Error).message})`], { cause });
  }
}

function tried<T>({ name }: PemFile, problem: string, attempt: () => T): T {
  try {
    return attempt();
  } catch (cause) {
    throw new ConfigError([`${name}, but ${problem} (${(cause as Error).message})`], { cause });
  }
}

function subjectOf({ subject, subjectAltName }: X509Certificate): string {
  return (subjectAltName ?? subject ?? "").replaceAll("\n", ", ");
}
