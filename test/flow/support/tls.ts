/** Holdfast with a certificate of the test's own, and TLS connections to it that a test looks into. */
import { once } from "node:events";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { type Certificate, createCertificate, type OwnCertificate } from "./certificate.js";
import { onCleanup, temporaryDirectory } from "./cleanup.js";
import type { Server } from "./client.js";
import { within } from "./eventually.js";
import { type Holdfast, type StartOptions, startHoldfast } from "./holdfast.js";
import { RawConnection } from "./raw.js";

const HANDSHAKE_MS = 10_000;

export interface SecureServer extends Server {
  readonly ca: string;
}

export interface SecureHoldfast {
  readonly host: Holdfast;
  /** For the clients, which must trust its certificate. */
  readonly server: SecureServer;
  readonly certificate: OwnCertificate;
}

/** `certificate`: one that is there already; else one is made. */
export async function startSecurely(
  options: StartOptions & { readonly certificate?: OwnCertificate } = {},
): Promise<SecureHoldfast> {
  const { certificate = createCertificate(temporaryDirectory()), args = [], ...rest } = options;
  const host = await startHoldfast({ ...rest, args: [...args, ...tlsArgs(certificate)] });
  return { host, server: { url: host.url, ca: certificate.pem }, certificate };
}

export function tlsArgs({ certFile, keyFile }: Certificate): string[] {
  return ["--tls-cert", certFile, "--tls-key", keyFile];
}

/** A connection whose handshake is done. Rejects with what ended the handshake. */
export async function dialSecurely(server: SecureServer, options: ConnectionOptions = {}): Promise<SecureConnection> {
  const { hostname, port } = new URL(server.url);
  const socket = connect({ host: hostname.replace(/^\[|\]$/g, ""), port: Number(port), ca: server.ca, ...options });
  onCleanup(() => socket.destroy());
  await within(once(socket, "secureConnect"), HANDSHAKE_MS, "a TLS handshake");
  return new SecureConnection(socket);
}

export class SecureConnection extends RawConnection {
  readonly tls: TLSSocket;
  #session: Buffer | undefined;

  constructor(socket: TLSSocket) {
    super(socket);
    this.tls = socket;
    socket.on("session", (session: Buffer) => {
      this.#session = session;
    });
  }

  /** A TLS connection has no reset of its own: it is cut without a farewell. */
  override reset(): void {
    this.tls.destroy();
  }

  /** What resumes this session. With TLS 1.3 it comes after the handshake: with the first response at the latest. */
  get session(): Buffer {
    const session = this.#session ?? this.tls.getSession();
    if (!session) throw new Error("the server has given no session yet");
    return session;
  }
}
