/** Certificates for a test, made by openssl: their own authority, for localhost and the loopback. */
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface Certificate {
  /** Paths. */
  readonly cert: string;
  readonly key: string;
  /** What a client must trust to accept it. */
  readonly pem: string;
  /** Tells one certificate from another. */
  readonly fingerprint: string;
}

export interface CertificateOptions {
  /** Of the files. */
  readonly name?: string;
  /** What openssl takes behind -newkey. */
  readonly newKey?: readonly string[];
}

const ELLIPTIC = ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
const NAMES = "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1";

export function createCertificate(directory: string, options: CertificateOptions = {}): Certificate {
  const { name = "server", newKey = ELLIPTIC } = options;
  const cert = join(directory, `${name}.crt`);
  const key = join(directory, `${name}.key`);
  const files = ["-keyout", key, "-out", cert];
  const what = ["-days", "30", "-subj", `/CN=${name}`, "-addext", NAMES];
  execFileSync("openssl", ["req", "-x509", "-newkey", ...newKey, "-noenc", ...files, ...what], { stdio: "ignore" });
  const pem = readFileSync(cert, "utf8");
  return { cert, key, pem, fingerprint: new X509Certificate(pem).fingerprint256 };
}
