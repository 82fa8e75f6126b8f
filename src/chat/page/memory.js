/**
 * What the page remembers: the name for this browser, the rooms for this tab. A browser that refuses storage forgets, and
 * nothing else happens.
 */

const NAME = "holdfast-chat-name";
const ROOMS = "holdfast-chat-rooms";

export function rememberedName() {
  return read(() => localStorage.getItem(NAME)) ?? undefined;
}

export function rememberName(name) {
  read(() => localStorage.setItem(NAME, name));
}

export function rememberedRooms() {
  const rooms = read(() => JSON.parse(sessionStorage.getItem(ROOMS)));
  return Array.isArray(rooms) ? rooms.filter((room) => typeof room === "string") : [];
}

export function rememberRooms(rooms) {
  read(() => sessionStorage.setItem(ROOMS, JSON.stringify(rooms)));
}

function read(access) {
  try {
    return access();
  } catch {
    return undefined;
  }
}
