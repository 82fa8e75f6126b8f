/**
 * What the sides of a TLS case share: a certificate, and for one of them an nginx that speaks TLS in front of the host,
 * as its own documentation has it: sessions cached, connections to the host kept alive, nothing logged.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startNginx } from "./nginx.js";
import type { Part } from "./part.js";

export interface BenchCertificate {
  readonly certFile: string;
  readonly keyFile: string;
  remove(): void;
}

/** Elliptic, as those of today's authorities. */
export function createBenchCertificate(): BenchCertificate {
  const directory = mkdtempSync(join(tmpdir(), "hf-bench-"));
  const [certFile, keyFile] = [join(directory, "cert.pem"), join(directory, "key.pem")];
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", keyFile];
  execFileSync("openssl", ["req", "-x509", ...key, "-out", certFile, "-days", "2", "-subj", "/CN=localhost"], {
    stdio: "ignore",
  });
  return { certFile, keyFile, remove: () => rmSync(directory, { recursive: true, force: true }) };
}

export async function startTlsFront(server: string, { certFile, keyFile }: BenchCertificate): Promise<Part> {
  const part = await startNginx({
    servers: [server],
    upstream: "keepalive 64;",
    listen: (port) => [
      `listen 127.0.0.1:${port} ssl;`,
      `ssl_certificate ${certFile};`,
      `ssl_certificate_key ${keyFile};`,
      "ssl_protocols TLSv1.2 TLSv1.3;",
      "ssl_session_cache shared:tls:10m;",
      "keepalive_requests 1000000;",
    ],
  });
  return { ...part, url: part.url.replace("http:", "https:") };
}
