/** What the bare clients say and hear: packets of Engine.IO 4 and Socket.IO 5, as text. */

export const ENGINE_PING = "2";
export const ENGINE_PONG = "3";
export const CONNECT = "40";
/** How the bench app's first event begins; the worker's slot follows. */
export const HELLO = '42["hello",';
