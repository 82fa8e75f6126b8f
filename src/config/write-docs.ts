/** `npm run docs`: writes docs/settings.md. */
import { writeFileSync } from "node:fs";
import { settingsPage } from "./docs.js";

writeFileSync(new URL("../../docs/settings.md", import.meta.url), settingsPage());
