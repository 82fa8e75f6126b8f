/** How a frame says of each part of an event what it is; the parts stand behind flags and their number. */
export const TEXT_PART = 0;
export const BINARY_PART = 1;
