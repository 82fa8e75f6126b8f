import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { AppLoadError, loadApp, startApp } from "../../../src/worker/app-loader.js";

const directory = mkdtempSync(join(tmpdir(), "hf-"));
let count = 0;

test.each([
  ["an ES module", "mjs", "export default () => {}; export const options = { pingInterval: 7 };"],
  ["CommonJS", "cjs", "module.exports = () => {}; module.exports.options = { pingInterval: 7 };"],
  [
    "TypeScript compiled to CommonJS",
    "cjs",
    'Object.defineProperty(exports, "__esModule", { value: true }); exports.default = () => {}; exports.options = { pingInterval: 7 };',
  ],
  ["CommonJS with a default", "cjs", "module.exports = { default() {}, options: { pingInterval: 7 } };"],
])("%s is loaded with its options", async (_, type, text) => {
  const { app, options } = await loadApp(file(type, text));
  expect(app).toBeTypeOf("function");
  expect(options).toEqual({ pingInterval: 7 });
});

test("options may be left out", async () => {
  expect((await loadApp(file("mjs", "export default () => {}"))).options).toEqual({});
});

test.each([
  ["no default export", "export const a = 1;", /must be a function \(io, ctx\), it is undefined; see docs/],
  ["a default export that is no function", "export default { a: 1 };", /it is object; see docs/],
  [
    "options that are none",
    "export default () => {}; export const options = 5;",
    /"options" must be an object, it is number$/,
  ],
  ["an adapter", "export default () => {}; export const options = { adapter: 1 };", /must not set "adapter"/],
  ["its own ids", "export default () => {}; export const options = { generateId() {} };", /must not set "generateId"/],
  ["a module that throws", 'throw new Error("no luck");', /^no luck$/],
  ["a module that throws something else", 'throw "no luck";', /^no luck$/],
  ["a module that cannot be parsed", "export default (", /Unexpected|parse/],
  ["a module that imports what is not there", 'import "./none.js"; export default () => {};', /none\.js/],
])("%s is an error that names the file", async (_, text, message) => {
  const path = file("mjs", text);
  const error = await loadApp(path).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(AppLoadError);
  expect(error).toMatchObject({ file: path, message: expect.stringMatching(message) });
});

test("a file that is not there is an error that names it", async () => {
  await expect(loadApp("/no/app.js")).rejects.toMatchObject({ file: "/no/app.js", message: /no\/app\.js/ });
});

test("what an app throws, now or later, is told with its own stack", async () => {
  for (const app of [
    () => {
      throw new Error("mine");
    },
    async () => {
      throw new Error("mine");
    },
  ]) {
    const error = await startApp("/a.js", app, {} as never, {} as never).catch((reason: AppLoadError) => reason);
    expect((error as AppLoadError).report).toEqual({
      file: "/a.js",
      message: "mine",
      stack: expect.stringContaining("app-loader.test.ts"),
    });
  }
});

test("an endless error is told in part", async () => {
  const app = () => Promise.reject(new Error("x".repeat(1e6)));
  const error = (await startApp("/a.js", app, {} as never, {} as never).catch((reason) => reason)) as AppLoadError;
  expect(JSON.stringify(error.report).length).toBeLessThan(64 * 1024);
});

function file(type: string, text: string): string {
  const path = join(directory, `${count++}.${type}`);
  writeFileSync(path, text);
  return path;
}
