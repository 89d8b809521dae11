/** What outlives a reload: the name, its channels, and how far each room was read. */

const NAME_KEY = "transfer.chat.name";
const ROOMS_PREFIX = "transfer.chat.rooms.";

export function rememberedName() {
  return read(NAME_KEY) ?? "";
}

export function rememberName(name) {
  write(NAME_KEY, name);
}

/** @returns {Map<string, number>} By a room's key, the id that was read last. */
export function rememberedRooms(name) {
  try {
    const rooms = Object.entries(JSON.parse(read(ROOMS_PREFIX + name) ?? "{}"));
    return new Map(rooms.filter(([key, id]) => /^[#@]./u.test(key) && Number.isSafeInteger(id)));
  } catch {
    return new Map(); // Somebody else's.
  }
}

export function rememberRooms(name, rooms) {
  // JSON has no Infinity, which stands for all that there is.
  const entries = [...rooms].map(({ key, readId, lastId }) => [key, Math.min(readId, lastId)]);
  write(ROOMS_PREFIX + name, JSON.stringify(Object.fromEntries(entries)));
}

function read(key) {
  try {
    return localStorage.getItem(key) ?? undefined;
  } catch {
    return undefined;
  }
}

function write(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Then it lasts until the next reload.
  }
}
