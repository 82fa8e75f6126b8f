/** The numbers by which @socket.io/redis-adapter's classic requests and responses name what they are. */
export const ClassicType = {
  ids: 0,
  rooms: 1,
  join: 2,
  leave: 3,
  disconnect: 4,
  fetch: 5,
  event: 6,
  emit: 7,
  clients: 8,
  ack: 9,
} as const;
