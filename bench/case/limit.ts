/** What the limits of connections cost those that stay within them: the connects of `connection`, with limits and without. */
import type { Case } from "./case.js";
import { connection } from "./connection.js";

export const limit: Case = {
  ...connection,
  name: "limit",
  title: `${connection.title}, with limits and without`,
  sides: ["limits", "holdfast"],
  goal: { of: "limits", against: "holdfast", atMost: 1.03 },
};
