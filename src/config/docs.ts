/** docs/settings.md as text, made from the table; write-docs.ts writes it, and a test fails when the file is stale. */
import {
  CHECK_CONTROL,
  CONFIG_CONTROL,
  type Control,
  defaultTextOf,
  fileKeyOf,
  fileVariableOf,
  flagOf,
  GROUPS,
  type Group,
  HELP_CONTROL,
  PRINT_CONTROL,
  rowsOf,
  type Setting,
  VERSION_CONTROL,
  variableOf,
} from "./table.js";

export function settingsPage(): string {
  return `${[INTRODUCTION, overview(), ...GROUPS.map(section), controls(), CLOSING].join("\n\n")}\n`;
}

const INTRODUCTION = `# Settings

<!-- Made from src/config/table.ts by \`npm run docs\`; changes here are lost. -->

Every setting can be given as a flag, as an environment variable and as a key in the config file. Flags beat the
environment, which beats the file, which beats the default. \`node dist/primary.js --print-config\` shows what is in force
and where each value came from; \`--check\` only says whether all is well.

- A time is a number of milliseconds, or a whole number with \`ms\`, \`s\` or \`m\`: \`25000\`, \`25s\`. A size is a number of
  bytes, or a whole number with \`kb\`, \`mb\` or \`gb\`, of 1,024 each: \`16kb\`.
- A switch needs no value behind its flag, and \`--no-…\` before its name turns it off; a variable and the file say \`on\` or
  \`off\`. Where several values are allowed, the flag is repeated, the file has an array, and a variable separates them by
  commas or spaces.
- A variable that is empty counts as not set. Where two variables are named, the first wins. \`HOST\` is never read: shells
  and conda set it to the machine's name.
- A wrong value ends the start with exit code 78, an unknown flag with 2. The message names the setting, the value, where
  it came from and what is allowed.`;

const CLOSING = `## The config file

One JSON object. Keys are the flags' names, in camelCase or with hyphens; numbers need no quotes; a key that does not exist
is an error. Relative paths in the file start at the file's directory, those of flags and variables at the working directory.

\`\`\`json
{
  "app": "./app.js",
  "workers": 4,
  "port": 8080,
  "drainTimeout": "20s",
  "manage": "0.0.0.0:9464"
}
\`\`\`

## Where Holdfast listens

\`--listen\` stands instead of \`--host\` and \`--port\`. Of the flags, the environment and the file, the strongest that names any
of the three decides. The sockets that systemd passes (\`LISTEN_FDS\`, with \`LISTEN_PID\` naming the primary) count as the
environment's \`--listen\`, all of them: no setting is needed, and \`--port\` or \`--host\` on the command line still wins.
See [edge.md](edge.md#listening).

In Kubernetes, a Service called \`holdfast\` sets \`HOLDFAST_PORT=tcp://…\` in every pod of its namespace. Such values are
ignored, with a warning.

## Secrets

A secret is shown as \`********\` in \`--print-config\` and in every message. Others on the host can read a process's
arguments, so prefer the variable that names a file (\`HOLDFAST_MANAGE_TOKEN_FILE=/run/secrets/token\`); one line end at the
end of that file is not part of the secret. Setting both the variable and its \`_FILE\` is an error. Workers, and so the app, do not
get the variables of secrets that are the primary's alone.`;

function overview(): string {
  const rows = GROUPS.flatMap(rowsOf).map(
    ([, row]) => `| ${tableCell(headingOf(row))} | ${defaultInDocs(row)} | ${row.doc} |`,
  );
  return ["## All at a glance", "", "| Flag | Default | Meaning |", "| --- | --- | --- |", ...rows].join("\n");
}

/** In a table a bar ends the cell, even inside code. */
function tableCell(text: string): string {
  return text.replaceAll("|", "\\|");
}

function section(group: Group): string {
  return [`## ${group}`, ...rowsOf(group).map(([, row]) => entry(row))].join("\n\n");
}

function entry(row: Setting): string {
  const variables = [variableOf(row), fileVariableOf(row), ...(row.commonVariables ?? [])].filter(
    (name) => name !== undefined,
  );
  const facts = [
    `- Default: ${defaultInDocs(row)}`,
    ...(row.separator ? ["- May be repeated"] : []),
    `- Allowed: ${row.check.allowed}`,
    `- Environment: ${variables.map(code).join(", ")}`,
    `- File: ${code(fileKeyOf(row))}${row.separator ? ", an array for several" : ""}`,
  ];
  return [`### ${headingOf(row)}`, `${row.doc}.${row.detail ? ` ${row.detail}` : ""}`, facts.join("\n")].join("\n\n");
}

function headingOf(row: Setting): string {
  const flag = [...(row.short ? [`-${row.short}`] : []), flagOf(row)].join(", ");
  return code(row.name === "app" || row.placeholder === undefined ? flag : `${flag} ${row.placeholder}`);
}

function defaultInDocs(row: Setting): string {
  if (row.defaultText !== undefined) return row.defaultText;
  const text = defaultTextOf(row);
  return text === undefined ? "none" : code(text);
}

function controls(): string {
  const all = [CONFIG_CONTROL, CHECK_CONTROL, PRINT_CONTROL, VERSION_CONTROL, HELP_CONTROL];
  return ["## Flags that are not settings", all.map(controlLine).join("\n")].join("\n\n");
}

function controlLine(control: Control): string {
  const names = [...(control.short ? [`-${control.short}`] : []), flagOf(control)].join(", ");
  return `- \`${names}${control.placeholder ? ` ${control.placeholder}` : ""}\`: ${control.doc}.`;
}

function code(text: string): string {
  return `\`${text}\``;
}
