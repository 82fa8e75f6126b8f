/** Stands for every secret wherever settings are shown; its length tells nothing. */
export const MASK = "********";
