/** Colours for people's eyes: the few styles that the log and the printed settings use, or nothing where none are wanted. */

const CODES = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
  magenta: [35, 39],
} as const;

export type Style = keyof typeof CODES;
export type Paint = (style: Style, text: string) => string;

/** What `process.stdout` is on a terminal; its `hasColors` honours NO_COLOR, FORCE_COLOR and TERM=dumb. */
export interface Canvas {
  readonly isTTY?: boolean;
  hasColors?(): boolean;
}

export function painter(canvas: Canvas): Paint {
  if (!canvas.isTTY || !canvas.hasColors?.()) return (_, text) => text;
  return (style, text) => `\x1b[${CODES[style][0]}m${text}\x1b[${CODES[style][1]}m`;
}
