import { expect, test } from "vitest";
import { BETWEEN_URLS, formatRedisTarget, parseRedisUrls, redactRedisUrl } from "../../../src/config/redis-url.js";

const MASK = "***";

test.each([
  ["redis://localhost", { address: { host: "localhost", port: 6_379 }, database: 0, tls: false }],
  ["redis://10.0.0.1:7000/3", { address: { host: "10.0.0.1", port: 7_000 }, database: 3, tls: false }],
  ["rediss://[::1]:7000", { address: { host: "::1", port: 7_000 }, database: 0, tls: true }],
  ["redis://:p%40ss@h", { address: { host: "h", port: 6_379 }, database: 0, tls: false, password: "p@ss" }],
  [
    "redis://app:a:b@h/",
    { address: { host: "h", port: 6_379 }, database: 0, tls: false, username: "app", password: "a:b" },
  ],
  ["redis://app@h", { address: { host: "h", port: 6_379 }, database: 0, tls: false, username: "app" }],
  ["REDIS://h", { address: { host: "h", port: 6_379 }, database: 0, tls: false }],
  ["unix:/run/redis.sock", { address: { path: "/run/redis.sock" }, database: 0, tls: false }],
  ["redis+unix:///run/redis.sock?db=2", { address: { path: "/run/redis.sock" }, database: 2, tls: false }],
  [
    "unix://app:pw@/run/r%20s",
    { address: { path: "/run/r s" }, database: 0, tls: false, username: "app", password: "pw" },
  ],
])("%s is one server", (url, target) => {
  expect(parseRedisUrls([url])).toEqual({ kind: "single", ...target });
});

test.each([
  [
    "redis+sentinel://h1,h2:7000/main",
    {
      sentinels: [
        { host: "h1", port: 26_379 },
        { host: "h2", port: 7_000 },
      ],
      master: "main",
      database: 0,
      tls: false,
    },
  ],
  [
    "rediss+sentinel://app:pw@[::1]/main/4?sentinelUsername=watch&sentinelPassword=s%26p",
    {
      sentinels: [{ host: "::1", port: 26_379 }],
      master: "main",
      database: 4,
      tls: true,
      username: "app",
      password: "pw",
      sentinelUsername: "watch",
      sentinelPassword: "s&p",
    },
  ],
])("%s names Sentinels", (url, target) => {
  expect(parseRedisUrls([url])).toEqual({ kind: "sentinel", ...target });
});

test("several are a Cluster, with the login of whichever has one", () => {
  expect(parseRedisUrls(["rediss://h1:1", "rediss://:pw@h2:2"])).toEqual({
    kind: "cluster",
    nodes: [
      { host: "h1", port: 1 },
      { host: "h2", port: 2 },
    ],
    tls: true,
    password: "pw",
  });
});

test.each([
  [["http://h"], /must look like/],
  [["redis://"], /must look like/],
  [["redis://h/x"], /must look like/],
  [["redis://:a/b@h"], /percent-encoded/],
  [["redis://h:0"], /each host must be/],
  [["redis://h:65536"], /each host must be/],
  [["redis://h1,h2"], /must look like/],
  [["redis://:%zz@h"], /two hexadecimal digits/],
  [["redis+sentinel://h1,h2"], /must look like/],
  [["redis+sentinel://h1,,h2/main"], /each host must be/],
  [["unix:relative"], /must look like/],
  [["redis://h1", "rediss://h2"], /same scheme/],
  [["redis://:a@h1", "redis://:b@h2"], /same user and password/],
  [["redis://h1/1", "redis://h2"], /database 0 alone/],
  [["redis://h1", "unix:/h2"], /several URLs make a Cluster/],
  [[], /one URL/],
])("%j is refused", (urls, why) => {
  expect(() => parseRedisUrls(urls)).toThrow(why);
});

test.each([
  "redis://localhost:6379",
  "rediss://app:***@[::1]:7000/3",
  "redis://:***@h:1",
  "unix:///run/redis.sock",
  "unix://app:***@/run/redis.sock?db=2",
  "redis+sentinel://app:***@h1:1,h2:2/main/4",
  "rediss://:***@h1:1,rediss://:***@h2:2",
])("%s is written as it was given, the password masked", (url) => {
  const given = url.replaceAll("***", "secret").split(BETWEEN_URLS);
  expect(formatRedisTarget(parseRedisUrls(given), MASK)).toBe(url);
});

test("URLs are separated by commas and spaces, Sentinels are not", () => {
  expect("redis://h1, redis://h2 rediss://h3".split(BETWEEN_URLS)).toEqual(["redis://h1", "redis://h2", "rediss://h3"]);
  expect("redis+sentinel://h1,h2/m".split(BETWEEN_URLS)).toEqual(["redis+sentinel://h1,h2/m"]);
});

test.each([
  "redis://:hunter2@h",
  "redis://user:hunter2@h/x",
  "redis://:hun/ter2@h",
  "redis://:a@hunter2@h",
  "redis:hunter2@h",
  'redis://:a"hunter2@h',
  "redis://:a@h1,redis://:hunter2@h2",
  "redis+sentinel://h/m?sentinelPassword=hunter2",
  "redis://h?auth=hunter2",
  'redis://h/0?x=1&pass=a"hunter2',
])("what may be a password in %s is masked in JSON", (url) => {
  for (const text of [JSON.stringify(url), JSON.stringify([url, "redis://other"])]) {
    expect(redactRedisUrl(text, MASK)).not.toMatch(/hun\/?ter2/);
    expect(redactRedisUrl(text, MASK)).toContain("redis");
  }
});
