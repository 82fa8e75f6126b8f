/** Certificates for tests, made by openssl: one that stands for itself, or what a private CA has signed for a server or client. */
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "./cleanup.js";

export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface OwnCertificate extends Certificate {
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
const NAMES = ["DNS:localhost", "IP:127.0.0.1", "IP:::1"];

/** For localhost and the loopback. */
export function createCertificate(directory: string, options: CertificateOptions = {}): OwnCertificate {
  const { name = "server", newKey = ELLIPTIC } = options;
  const certFile = join(directory, `${name}.crt`);
  const keyFile = join(directory, `${name}.key`);
  const what = ["-days", "30", "-subj", `/CN=${name}`, "-addext", `subjectAltName=${NAMES.join(",")}`];
  openssl("req", "-x509", "-newkey", ...newKey, "-nodes", "-keyout", keyFile, "-out", certFile, ...what);
  const pem = readFileSync(certFile, "utf8");
  return { certFile, keyFile, pem, fingerprint: new X509Certificate(pem).fingerprint256 };
}

export class CertificateAuthority {
  readonly #directory = temporaryDirectory();
  readonly caFile = join(this.#directory, "ca.crt");
  readonly #keyFile = join(this.#directory, "ca.key");
  #issued = 0;

  constructor() {
    openssl(
      ...["req", "-x509", "-newkey", ...ELLIPTIC, "-nodes", "-days", "2"],
      ...["-subj", "/CN=Test CA", "-keyout", this.#keyFile, "-out", this.caFile],
    );
  }

  /** `names` as in a subjectAltName: "DNS:localhost", "IP:127.0.0.1". */
  issue({ names = NAMES, expired = false } = {}): Certificate {
    const path = (ending: string) => join(this.#directory, `${this.#issued}.${ending}`);
    this.#issued++;
    const [request, extension, certFile, keyFile] = ["csr", "ext", "crt", "key"].map(path) as [
      string,
      string,
      string,
      string,
    ];
    openssl("req", "-newkey", ...ELLIPTIC, "-nodes", "-subj", "/CN=test", "-keyout", keyFile, "-out", request);
    writeFileSync(extension, `subjectAltName=${names.join(",")}\n`);
    openssl(
      ...["x509", "-req", "-in", request, "-CA", this.caFile, "-CAkey", this.#keyFile, "-CAcreateserial"],
      ...["-days", expired ? "-1" : "2", "-extfile", extension, "-out", certFile],
    );
    return { certFile, keyFile };
  }
}

function openssl(...args: readonly string[]): void {
  execFileSync("openssl", args, { stdio: ["ignore", "ignore", "pipe"] });
}
