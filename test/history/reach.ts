/** How far sessions are promised to survive: on the boot of the host where they began, or wherever hosts share a Redis. */
export type Reach = "host" | "hosts";
