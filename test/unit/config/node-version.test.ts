import { expect, test } from "vitest";
import { judgeNodeVersion } from "../../../src/config/node-version.js";

test.each(["v18.20.0", "v20.18.3", "12.0.0"])("%s is refused", (version) => {
  expect(judgeNodeVersion(version)).toMatchObject({ level: "refuse", text: expect.stringContaining("20.19.0") });
});

test.each(["v20.19.0", "v20.20.2", "v21.7.3", "v23.11.0", "v25.9.0"])("%s is of a line that has ended", (version) => {
  const verdict = judgeNodeVersion(version);
  expect(verdict).toMatchObject({ level: "warn", text: expect.stringContaining("no security fixes any more") });
  expect(verdict?.text).toContain("use 22.22.2 or later, or 24.14.1 or later");
});

test.each(["v22.22.1", "v22.9.9", "v24.14.0", "v24.0.0"])("%s has known holes", (version) => {
  expect(judgeNodeVersion(version)).toMatchObject({ level: "warn", text: expect.stringContaining("security holes") });
});

test.each(["v22.22.2", "v22.23.0", "v24.14.1", "24.15.0", "v26.0.0", "v28.1.0-nightly"])("%s is fine", (version) => {
  expect(judgeNodeVersion(version)).toBeUndefined();
});
