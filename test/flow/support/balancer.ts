/** Load balancers that know nothing of sessions, in front of several hosts: real ones, round robin. */
import type { Server } from "./client.js";
import { startHaproxy } from "./haproxy.js";
import { startNginx } from "./nginx.js";

export const BALANCERS = {
  "nginx with keepalive": (hosts: readonly Server[]) => startNginx((port) => nginx(port, hosts, "keepalive 64;")),
  "nginx without keepalive": (hosts: readonly Server[]) => startNginx((port) => nginx(port, hosts, "")),
  "HAProxy in HTTP mode": (hosts: readonly Server[]) => startHaproxy((port) => haproxy(port, hosts, "http")),
  "HAProxy in TCP mode": (hosts: readonly Server[]) => startHaproxy((port) => haproxy(port, hosts, "tcp")),
} as const;

export type BalancerName = keyof typeof BALANCERS;

function nginx(port: number, hosts: readonly Server[], keepalive: string): string {
  const servers = hosts.map(({ url }) => `server ${new URL(url).host};`);
  return `
  map $http_upgrade $connection_upgrade { default upgrade; "" ${keepalive ? '""' : "close"}; }
  upstream hosts { ${servers.join(" ")} ${keepalive} }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    client_max_body_size 200m;
    location / {
      proxy_pass http://hosts;
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_read_timeout 60s;
      proxy_buffering off;
      proxy_request_buffering off;
      proxy_next_upstream error;
    }
  }`;
}

function haproxy(port: number, hosts: readonly Server[], mode: "http" | "tcp"): string {
  const servers = hosts.map(({ url }, i) => `  server host${i} ${new URL(url).host}`);
  return `  maxconn 8000
defaults
  mode ${mode}
  maxconn 8000
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout tunnel 1h
frontend web
  bind 127.0.0.1:${port}
  default_backend hosts
backend hosts
  balance roundrobin
${servers.join("\n")}`;
}
