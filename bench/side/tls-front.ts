/**
 * What the sides of a TLS case share: a certificate, and for one of them an nginx that speaks TLS in front of the host,
 * as its own documentation has it: sessions cached, connections to the host kept alive, nothing logged.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Part, startPart } from "./part.js";
import { freePort } from "./shared.js";

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

export async function startTlsFront(server: string, certificate: BenchCertificate): Promise<Part> {
  const directory = mkdtempSync(join(tmpdir(), "hf-bench-"));
  const port = await freePort();
  const file = join(directory, "nginx.conf");
  writeFileSync(file, configuration(directory, port, server, certificate));
  const command = ["nginx", "-c", file, "-p", directory, "-e", join(directory, "error.log")];
  const part = await startPart({ what: "nginx", command, port });
  const stop = async () => {
    await part.stop();
    rmSync(directory, { recursive: true, force: true });
  };
  return { ...part, url: part.url.replace("http:", "https:"), stop };
}

function configuration(directory: string, port: number, server: string, certificate: BenchCertificate): string {
  const scratch = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${directory};`);
  return `daemon off;
master_process off;
pid ${directory}/pid;
events { worker_connections 8192; }
http {
  access_log off;
  ${scratch.join("\n  ")}
  upstream app { server ${new URL(server).host}; keepalive 64; }
  map $http_upgrade $connection_upgrade { default upgrade; "" ""; }
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${certificate.certFile};
    ssl_certificate_key ${certificate.keyFile};
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache shared:tls:10m;
    keepalive_requests 1000000;
    location / {
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_buffering off;
      proxy_read_timeout 120s;
      proxy_set_header Host $host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }
  }
}
`;
}
