// Tells on its link what it was told, and ends.
import { writeSync } from "node:fs";

const LINK_FD = 4;
const { HOLDFAST_WORKER, ...environment } = process.env;
const told = { birth: JSON.parse(HOLDFAST_WORKER), environment: Object.keys(environment), argv: process.argv };
writeSync(LINK_FD, JSON.stringify(told));
process.exit(7);
