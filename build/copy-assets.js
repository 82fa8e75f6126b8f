// The one build step beside tsc: the chat page is served as it is written, so its files are copied, not compiled.
import { cpSync } from "node:fs";

cpSync(new URL("../src/chat/page", import.meta.url), new URL("../dist/chat/page", import.meta.url), {
  recursive: true,
});
