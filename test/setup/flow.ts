/**
 * Runs in every test file's process before its tests: marks what the file starts, and after each test and at the end
 * of the file stops what is registered and fails when a process is left behind.
 */
import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeEach } from "vitest";
import { beginTest, finishFile, finishTest } from "../flow/support/cleanup.js";
import { expectNoLeftover, FILE_MARK, isWithin, marked } from "../flow/support/leftover.js";

const mark = randomUUID();
process.env[FILE_MARK] = mark;

/** What `beforeAll` started lives on between tests. */
let ofFile: number[] = [];

beforeEach(() => {
  ofFile = marked(FILE_MARK, mark);
  beginTest();
});

afterEach(async () => {
  await finishTest();
  await expectNoLeftover(FILE_MARK, mark, isWithin(ofFile));
});

afterAll(async () => {
  await finishFile();
  await expectNoLeftover(FILE_MARK, mark);
});
