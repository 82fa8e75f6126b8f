/**
 * The management server, in the primary, on a listener of its own: `/livez`, `/readyz`, `/status`. It reads the status
 * object and knows nothing of the parts behind it. Whatever its clients do costs them their connection and nobody else
 * anything: everything is bounded, one request a connection, and no error leaves this file.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { limiter } from "../../log/rate.js";
import { refusal } from "./guard.js";
import { ManageListenError } from "./manage-listen-error.js";
import { readiness, type Status } from "./status.js";

export interface ManageOptions {
  readonly host: string;
  readonly port: number;
  /** Whether the operator named the address. A default that cannot be had is only warned of. */
  readonly explicit: boolean;
  readonly token?: string | undefined;
  readonly status: () => Status;
  readonly log: ManageLog;
}

interface ManageLog {
  warn(fields: object, text: string): void;
}

interface Reply {
  readonly status: number;
  readonly type?: "text/plain" | "application/json";
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const LIMITS = {
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 8 * 1024,
} as const;
const MAX_CONNECTIONS = 128;
/** Ends a client that does not read its answer. */
const IDLE_TIMEOUT_MS = 10_000;
const WARN_INTERVAL_MS = 1_000;

export class ManageServer {
  readonly #options: ManageOptions;
  readonly #server: Server;
  readonly #sparingly = limiter(WARN_INTERVAL_MS);
  #address = "";

  constructor(options: ManageOptions) {
    this.#options = options;
    this.#server = createServer(LIMITS, (request, response) => this.#answer(request, response));
    this.#server.maxConnections = MAX_CONNECTIONS;
    // Refuses what is pipelined; that alone does not close the connection, the header in `send` does.
    this.#server.maxRequestsPerSocket = 1;
    this.#server.setTimeout(IDLE_TIMEOUT_MS);
  }

  /** The address bound; undefined when the default one could not be had. Rejects ManageListenError for an explicit one. */
  async listen(): Promise<{ host: string; port: number } | undefined> {
    try {
      const bound = await bind(this.#server, this.#options);
      this.#address = bound.address;
      // Without a listener, one failed accept (EMFILE) would end the primary.
      this.#server.on("error", (error) => this.#warn(error));
      return { host: bound.address, port: bound.port };
    } catch (cause) {
      this.#refuseOrGoOn(new ManageListenError(this.#options, cause));
      return undefined;
    }
  }

  /** Stops listening and drops what is open; resolves when both are done. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  #refuseOrGoOn(error: ManageListenError): void {
    if (this.#options.explicit) throw error;
    this.#options.log.warn({ event: "manage-off", code: error.code }, `no management endpoints: ${error.message}`);
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    try {
      send(response, this.#route(request));
    } catch (error) {
      this.#warn(error);
      response.destroy();
    }
  }

  #route(request: IncomingMessage): Reply {
    const path = (request.url ?? "").split("?", 1)[0] as string;
    const open = OPEN_ENDPOINTS.get(path);
    const refused = open === undefined ? this.#refusal(request) : undefined;
    if (refused !== undefined) return refused;
    const endpoint = open ?? GUARDED_ENDPOINTS.get(path);
    if (endpoint === undefined) return NOT_FOUND;
    if (request.method !== "GET" && request.method !== "HEAD") return METHOD_NOT_ALLOWED;
    return endpoint(this.#options.status);
  }

  #refusal({ headers }: IncomingMessage): Reply | undefined {
    const refused = refusal(
      { address: this.#address, token: this.#options.token },
      { host: headers.host, authorization: headers.authorization },
    );
    if (refused === undefined) return undefined;
    const challenge = refused.status === 401 ? { "www-authenticate": 'Bearer realm="holdfast"' } : {};
    return { status: refused.status, body: `${refused.text}\n`, headers: challenge };
  }

  #warn(err: unknown): void {
    this.#sparingly((suppressed) => {
      this.#options.log.warn({ event: "manage-error", err, suppressed }, "a management request failed");
    });
  }
}

type Endpoint = (status: () => Status) => Reply;

/** Tells only that the primary's event loop turns, so it asks nobody. */
const livez: Endpoint = () => ({ status: 200, body: "alive\n" });

const readyz: Endpoint = (status) => {
  const { serving, reason } = readiness(status());
  return { status: serving ? 200 : 503, body: `${reason}\n` };
};

const statusEndpoint: Endpoint = (status) => ({
  status: 200,
  type: "application/json",
  body: `${JSON.stringify(status())}\n`,
});

/** What a load balancer or an orchestrator asks from outside: no token, no check of Host, nothing told but the state. */
const OPEN_ENDPOINTS = new Map([
  ["/livez", livez],
  ["/readyz", readyz],
]);
const GUARDED_ENDPOINTS = new Map([["/status", statusEndpoint]]);

const NOT_FOUND: Reply = { status: 404, body: "Not found: there are /livez, /readyz and /status.\n" };
const METHOD_NOT_ALLOWED: Reply = { status: 405, body: "Use GET or HEAD.\n", headers: { allow: "GET, HEAD" } };

function send(response: ServerResponse, { status, type = "text/plain", body, headers }: Reply): void {
  response.writeHead(status, {
    "content-type": `${type}; charset=utf-8`,
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    connection: "close",
    ...headers,
  });
  response.end(body);
}

function bind(server: Server, where: { host: string; port: number }): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(where.port, where.host, () => {
      server.off("error", reject);
      resolve(server.address() as AddressInfo);
    });
  });
}
