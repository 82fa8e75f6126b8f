import { expect, test } from "vitest";
import { formatHostAndPort } from "../../../src/protocol/host-and-port.js";

test.each([
  ["127.0.0.1", "127.0.0.1:80"],
  ["::1", "[::1]:80"],
  ["fe80::1%eth0", "[fe80::1%eth0]:80"],
  ["::ffff:127.0.0.1", "[::ffff:127.0.0.1]:80"],
  ["app.example", "app.example:80"],
])("%s and a port are written %s", (host, expected) => {
  expect(formatHostAndPort({ host, port: 80 })).toBe(expected);
});
