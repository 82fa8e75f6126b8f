import { expect, test } from "vitest";
import { ForwardSecret } from "../../../../src/primary/uplink/forward-secret.js";

/** As Redis' SET with NX, then GET. */
function store() {
  const kept = new Map<string, string>();
  const share = async (key: string, value: string) => {
    if (!kept.has(key)) kept.set(key, value);
    return kept.get(key) as string;
  };
  return { kept, share };
}

const prefix = "p";

test("hosts agree on the secret of whoever came first", async () => {
  const { share, kept } = store();
  const [one, two] = [new ForwardSecret({ prefix }, share), new ForwardSecret({ prefix }, share)];
  expect([one.current, await one.agree(), await two.agree()]).toEqual(["", true, true]);
  expect(one.current).toMatch(/^[\w-]{43}$/);
  expect(two.current).toBe(one.current);
  expect([...kept.keys()]).toEqual(["p-holdfast-secret"]);
});

test("a Redis that has forgotten it gets back what was agreed, and a newcomer takes that", async () => {
  const { share, kept } = store();
  const old = new ForwardSecret({ prefix }, share);
  await old.agree();
  const agreed = old.current;
  kept.clear();
  expect(await old.agree()).toBe(false);
  const newcomer = new ForwardSecret({ prefix }, share);
  await newcomer.agree();
  expect(newcomer.current).toBe(agreed);
});

test("one that a newcomer has set meanwhile is taken", async () => {
  const { share, kept } = store();
  const [old, newcomer] = [new ForwardSecret({ prefix }, share), new ForwardSecret({ prefix }, share)];
  await old.agree();
  kept.clear();
  await newcomer.agree();
  expect(await old.agree()).toBe(true);
  expect(old.current).toBe(newcomer.current);
});

test("of --redis-secret one is made that is not it, the same on all hosts, and Redis is not asked", async () => {
  const share = () => Promise.reject(new Error("asked"));
  const of = (redisSecret: string) => new ForwardSecret({ prefix, redisSecret }, share);
  expect(await of("hush").agree()).toBe(false);
  expect(of("hush").current).toBe(of("hush").current);
  expect(of("hush").current).toMatch(/^[\w-]{43}$/);
  expect(of("hush").current).not.toBe(of("hush2").current);
});

test("what is no secret of ours is not taken for one", async () => {
  const secret = new ForwardSecret({ prefix }, async () => "short");
  await expect(secret.agree()).rejects.toThrow(/p-holdfast-secret/);
  expect(secret.current).toBe("");
});
