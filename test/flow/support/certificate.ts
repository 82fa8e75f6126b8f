/** Certificates for tests, made by openssl: a private CA, and what it has signed for one server or client. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "./cleanup.js";

export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
}

export class CertificateAuthority {
  readonly #directory = temporaryDirectory();
  readonly caFile = join(this.#directory, "ca.crt");
  readonly #keyFile = join(this.#directory, "ca.key");
  #issued = 0;

  constructor() {
    this.#openssl(
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"],
      ...["-subj", "/CN=Test CA", "-keyout", this.#keyFile, "-out", this.caFile],
    );
  }

  /** `names` as in a subjectAltName: "DNS:localhost", "IP:127.0.0.1". */
  issue({ names = ["DNS:localhost", "IP:127.0.0.1"], expired = false } = {}): Certificate {
    const path = (ending: string) => join(this.#directory, `${this.#issued}.${ending}`);
    this.#issued++;
    const [request, extension, certFile, keyFile] = ["csr", "ext", "crt", "key"].map(path) as [
      string,
      string,
      string,
      string,
    ];
    this.#openssl(
      ...["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
      ...["-subj", "/CN=test", "-keyout", keyFile, "-out", request],
    );
    writeFileSync(extension, `subjectAltName=${names.join(",")}\n`);
    this.#openssl(
      ...["x509", "-req", "-in", request, "-CA", this.caFile, "-CAkey", this.#keyFile, "-CAcreateserial"],
      ...["-days", expired ? "-1" : "2", "-extfile", extension, "-out", certFile],
    );
    return { certFile, keyFile };
  }

  #openssl(...args: string[]): void {
    execFileSync("openssl", args, { stdio: ["ignore", "ignore", "pipe"] });
  }
}
