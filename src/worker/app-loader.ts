/**
 * Loads the app's module: ESM or CommonJS, its default export the app, `options` what it wants of Socket.IO. Runs in a
 * worker, before it takes connections. What is wrong with the module ends the start with the app's own error.
 */
import { pathToFileURL } from "node:url";
import type { Server, ServerOptions } from "socket.io";
import type { AppContext } from "./app-context.js";

export type App = (io: Server, context: AppContext) => unknown;

export interface LoadedApp {
  readonly app: App;
  readonly options: Partial<ServerOptions>;
}

/** The app's module failed, or is none. `cause` is what it threw. */
export class AppLoadError extends Error {
  override readonly name = "AppLoadError";
  readonly code = "HOLDFAST_APP_LOAD_FAILED";
  readonly file: string;

  constructor(file: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.file = file;
  }

  /** For the primary, which tells it. The stack is the app's own. */
  get report(): { file: string; message: string; stack: string } {
    const { file, message, cause } = this;
    const stack = cause instanceof Error ? (cause.stack ?? "") : "";
    return { file, message: message.slice(0, MAX_TEXT), stack: stack.slice(0, MAX_TEXT) };
  }
}

const MAX_TEXT = 16 * 1024;

/** Options that make the workers one cluster; an app's own would break it. */
const OWNED: Readonly<Record<string, string>> = {
  adapter: "Holdfast's connects the workers",
  generateId: "session ids name the worker that has the session",
};

export async function loadApp(file: string): Promise<LoadedApp> {
  const { app, options = {} } = entryOf(await importModule(file));
  if (typeof app !== "function") {
    const what = `its default export must be a function (io, ctx), it is ${describe(app)}; see docs/porting.md`;
    throw new AppLoadError(file, what);
  }
  checkOptions(file, options);
  return { app: app as App, options };
}

/** Runs the app, and waits for it when it is asynchronous. */
export async function startApp(file: string, app: App, io: Server, context: AppContext): Promise<void> {
  try {
    await app(io, context);
  } catch (error) {
    throw toLoadError(file, error);
  }
}

async function importModule(file: string): Promise<Record<string, unknown>> {
  try {
    return await import(pathToFileURL(file).href);
  } catch (error) {
    throw toLoadError(file, error);
  }
}

/** TypeScript compiled to CommonJS has its default export one level deeper, beside `options`. */
function entryOf(module: Record<string, unknown>): { app: unknown; options?: unknown } {
  const inner = module.default;
  const isNested = typeof inner === "object" && inner !== null && "default" in inner;
  const app = isNested ? inner.default : inner;
  const options = module.options ?? (inner as { options?: unknown } | undefined)?.options;
  return { app, options };
}

function checkOptions(file: string, options: unknown): asserts options is Partial<ServerOptions> {
  if (typeof options !== "object" || options === null) {
    throw new AppLoadError(file, `its export "options" must be an object, it is ${describe(options)}`);
  }
  for (const [name, reason] of Object.entries(OWNED)) {
    if (name in options) throw new AppLoadError(file, `its options must not set "${name}": ${reason}`);
  }
}

function toLoadError(file: string, error: unknown): AppLoadError {
  return new AppLoadError(file, error instanceof Error ? error.message : String(error), error);
}

function describe(value: unknown): string {
  return value === null ? "null" : typeof value;
}
