/** The rows of the table of settings that say who may connect, and how much of everything one may have. */
import { resolve } from "node:path";
import { network, origin, passwordFile, rate } from "./access-check.js";
import { duration, listOf, onOff, size, wholeNumber } from "./check.js";

const HOUR_MS = 3_600_000;
const KB = 1_024;
const MB = KB * KB;
const GB = KB * MB;
const MANY = 10_000_000;
const COMMA_OR_SPACE = /[\s,]+/;

export const ACCESS_ROWS = {
  corsOrigins: {
    name: "cors-origin",
    placeholder: "ORIGIN",
    separator: COMMA_OR_SPACE,
    group: "Access",
    doc: "Origin whose pages may connect to Socket.IO; * for any",
    detail:
      "A request or a WebSocket of any other origin is answered 403, also one of the page's own origin if it is not named; what sends no `Origin` is no browser and is let in. It stands instead of the app's `cors.origin`. Without it, the app's `cors` decides, as with Socket.IO alone.",
    check: listOf(origin()),
  },
  basicAuth: {
    name: "basic-auth",
    placeholder: "FILE",
    group: "Access",
    doc: "htpasswd file of those who may send plain HTTP requests and begin sessions",
    detail:
      "Hashes are bcrypt (`htpasswd -B`) or `{SHA}`; anything weaker is refused. Read again at a reload. The management endpoints have a token of their own.",
    check: passwordFile(),
    anchor: (path: string, directory: string) => resolve(directory, path),
  },
  trustProxy: {
    name: "trust-proxy",
    placeholder: "CIDR",
    separator: COMMA_OR_SPACE,
    group: "Access",
    doc: "Address or network of a proxy whose word for the client's address is believed; unix for a Unix socket's peers",
    detail:
      "Of `X-Forwarded-For` or `Forwarded`, the right-most address that is not itself such a proxy counts. From everybody else these headers mean nothing.",
    check: listOf(network()),
  },
  proxyProtocol: {
    name: "proxy-protocol",
    group: "Access",
    doc: "Connections from --trust-proxy begin with a PROXY protocol header, version 1 or 2",
    detail: "One that does not is closed. Connections from elsewhere have none.",
    check: onOff(),
    default: false,
  },
  maxConnections: {
    name: "max-connections",
    placeholder: "N",
    group: "Limits",
    doc: "Open connections on this host; past it, new ones get 503",
    detail:
      "A connection that names a session of a living worker passes all three of these limits, since its client is in already; where those come to four times the limit, they are refused as well.",
    check: wholeNumber({ from: 1, to: MANY }),
    defaultText: "no limit",
  },
  maxConnectionsPerIp: {
    name: "max-connections-per-ip",
    placeholder: "N",
    group: "Limits",
    doc: "Open connections of one address, or of one IPv6 /64; past it, new ones get 503",
    detail:
      "The address is the peer's, or the one that the PROXY protocol tells; a proxy named by `--trust-proxy` has no such limit.",
    check: wholeNumber({ from: 1, to: MANY }),
    defaultText: "no limit",
  },
  connectRate: {
    name: "connect-rate",
    placeholder: "N/s",
    group: "Limits",
    doc: "New connections in a second, on this host; past it, they get 503",
    detail: "After a quiet second that many may come at once.",
    check: rate({ from: 1, to: 1_000_000 }),
    defaultText: "no limit",
  },
  requestTimeoutMs: {
    name: "request-timeout",
    placeholder: "TIME",
    group: "Limits",
    doc: "Time for a client to send a whole request, body included",
    detail: "Slower ones get 408. It is at least `--header-timeout`.",
    check: duration({ from: 100, to: 24 * HOUR_MS }),
    default: 300_000,
  },
  maxBodyBytes: {
    name: "max-body",
    placeholder: "SIZE",
    group: "Limits",
    doc: "Largest body of an HTTP request outside Socket.IO",
    detail: "Larger ones get 413. Socket.IO's own limit is the app's `maxHttpBufferSize`.",
    check: size({ from: 0, to: 1_024 * GB }),
    default: 200 * MB,
  },
  maxClientBufferBytes: {
    name: "max-client-buffer",
    placeholder: "SIZE",
    group: "Limits",
    doc: "Most that waits in a worker for a Socket.IO client that does not read",
    detail:
      "Past it, the client is closed; the app's `disconnect` gives `slow consumer` as the reason. The largest of what waits is not counted: an attachment of any size may wait behind its event.",
    check: size({ from: 16 * KB, to: 4 * GB }),
    default: 4 * MB,
  },
} as const;
