/** The numbers by which socket.io-adapter's ClusterAdapter names its messages; from 100 on ours, which it ignores. */
export const ShardedType = {
  broadcast: 3,
  join: 4,
  leave: 5,
  disconnect: 6,
  fetch: 7,
  fetchAnswer: 8,
  event: 9,
  reply: 10,
  clients: 11,
  ack: 12,
  ids: 100,
  idsAnswer: 101,
  rooms: 102,
  roomsAnswer: 103,
} as const;
