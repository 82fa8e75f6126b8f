import { expect, test } from "vitest";
import { readProxyHeader } from "../../../../src/primary/acceptor/proxy-header.js";

const SIGNATURE = "0d0a0d0a000d0a515549540a";
const TCP4 = v2(0x21, 0x11, "c0000207c000020130390050");
const TCP6 = v2(0x21, 0x21, `20010db8${"0".repeat(23)}7${"0".repeat(31)}1ffff0050`);

test.each([
  ["v1, IPv4", "PROXY TCP4 192.0.2.7 192.0.2.1 12345 80\r\n", { address: "192.0.2.7", port: 12_345, family: "IPv4" }],
  ["v1, IPv6", "PROXY TCP6 2001:db8::7 ::1 65535 80\r\n", { address: "2001:db8::7", port: 65_535, family: "IPv6" }],
  ["v1, unknown", "PROXY UNKNOWN\r\n", undefined],
  ["v1, unknown with addresses", "PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", undefined],
  ["v2, IPv4", TCP4, { address: "192.0.2.7", port: 12_345, family: "IPv4" }],
  ["v2, IPv6", TCP6, { address: "2001:db8::7", port: 65_535, family: "IPv6" }],
  ["v2 with an extension", v2(0x21, 0x11, "c0000207c000020130390050030004aabbccdd"), { address: "192.0.2.7" }],
  ["v2, the proxy itself", v2(0x20, 0x00, ""), undefined],
  ["v2, unspecified", v2(0x21, 0x00, "0102"), undefined],
])("%s tells whose the connection is, and where the request begins", (_, header, peer) => {
  const bytes = Buffer.concat([Buffer.from(header), Buffer.from("GET / HTTP/1.1\r\n")]);
  const read = readProxyHeader(bytes);
  expect(read).toMatchObject({ kind: "complete", bytes: header.length });
  if (peer) expect(read).toMatchObject({ peer });
  else expect(read).toHaveProperty("peer", undefined);
  for (let length = 0; length < header.length; length++) {
    expect(readProxyHeader(bytes.subarray(0, length)).kind).toBe("more");
  }
});

test.each(
  [
    "GET / HTTP/1.1\r\n",
    "PROXY",
    "PROXY TCP4 192.0.2.7 192.0.2.1 12345 80 \r\n",
    "PROXY  TCP4 192.0.2.7 192.0.2.1 12345 80\r\n",
    "PROXY TCP4 2001:db8::7 192.0.2.1 12345 80\r\n",
    "PROXY TCP6 192.0.2.7 192.0.2.1 12345 80\r\n",
    "PROXY TCP4 192.0.2.7 192.0.2.1 65536 80\r\n",
    "PROXY TCP4 192.0.2.256 192.0.2.1 1 80\r\n",
    "PROXY TCP4 192.0.2.7 192.0.2.1 1\r\n",
    "PROXY UDP4 192.0.2.7 192.0.2.1 1 80\r\n",
    "PROXY TCP4 192.0.2.7\n192.0.2.1 1 80\r\n",
    `PROXY UNKNOWN ${"x".repeat(120)}\r\n`,
  ].map((header) => [
    header.slice(0, 40),
    Buffer.from(`${header}GET / HTTP/1.1\r\n`.slice(header === "PROXY" ? 5 : 0)),
  ]),
)("%j is malformed", (_, bytes) => expect(readProxyHeader(bytes).kind).toBe("malformed"));

test.each([
  ["of version 1 in binary", v2(0x11, 0x11, "c0000207c000020130390050")],
  ["of an unknown command", v2(0x22, 0x11, "c0000207c000020130390050")],
  ["of datagrams", v2(0x21, 0x12, "c0000207c000020130390050")],
  ["too short for its addresses", v2(0x21, 0x21, "c0000207c000020130390050")],
  ["longer than anybody's", Buffer.from(`${SIGNATURE}2111ffff`, "hex")],
  ["with a wrong signature", Buffer.from(`0d0a0d0a000d0a515549540b2111000c`, "hex")],
])("a binary header %s is malformed", (_, bytes) => {
  expect(readProxyHeader(bytes).kind).toBe("malformed");
});

function v2(command: number, family: number, rest: string): Buffer {
  const head = Buffer.from([command, family, 0, rest.length / 2]);
  return Buffer.concat([Buffer.from(SIGNATURE, "hex"), head, Buffer.from(rest, "hex")]);
}
