import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RoomTable } from "../../../../src/primary/switch/room-table.js";
import type { RoomName } from "../../../../src/protocol/frame.js";

interface Link {
  readonly name: string;
}

const links: readonly Link[] = ["a", "b", "c"].map((name) => ({ name }));
const [a, b, c] = links as [Link, Link, Link];
const nobody: Link = { name: "nobody" };

const link = fc.constantFrom(...links);
const namespace = fc.constantFrom("/", "/x", "__proto__");
const room = fc.constantFrom<RoomName>("r", "s", 1, "1", "__proto__");
const rooms = fc.uniqueArray(room, { maxLength: 4 });

type Change = (
  table: Pick<RoomTable<Link>, "open" | "shut" | "join" | "leave" | "expectJoins" | "joined" | "drop" | "servers">,
) => void;

const change: fc.Arbitrary<Change> = fc.oneof(
  fc.tuple(link, namespace).map(
    ([link, name]): Change =>
      (table) =>
        table.open(link, name),
  ),
  fc.tuple(link, namespace).map(
    ([link, name]): Change =>
      (table) =>
        table.shut(link, name),
  ),
  fc.tuple(link, namespace, rooms).map(
    ([link, name, rooms]): Change =>
      (table) =>
        table.join(link, name, rooms),
  ),
  fc.tuple(link, namespace, rooms).map(
    ([link, name, rooms]): Change =>
      (table) =>
        table.leave(link, name, rooms),
  ),
  fc.tuple(link, namespace).map(
    ([link, name]): Change =>
      (table) => {
        // Commands go only to links that serve the namespace.
        if (table.servers(name, nobody).includes(link)) table.expectJoins(link, name);
      },
  ),
  fc.tuple(link, namespace).map(
    ([link, name]): Change =>
      (table) =>
        table.joined(link, name),
  ),
  link.map(
    (link): Change =>
      (table) =>
        table.drop(link),
  ),
);

/** The same, without a thought of speed. */
class NaiveTable {
  readonly #serving = new Map<string, Map<Link, { readonly rooms: Set<RoomName>; joining: number }>>();

  open(link: Link, name: string): void {
    const servers = this.#serving.get(name) ?? new Map();
    this.#serving.set(name, servers);
    if (!servers.has(link)) servers.set(link, { rooms: new Set(), joining: 0 });
  }

  shut(link: Link, name: string): void {
    this.#serving.get(name)?.delete(link);
    if (this.#serving.get(name)?.size === 0) this.#serving.delete(name);
  }

  join(link: Link, name: string, rooms: readonly RoomName[]): void {
    this.open(link, name);
    for (const room of rooms) this.#of(link, name)?.rooms.add(room);
  }

  leave(link: Link, name: string, rooms: readonly RoomName[]): void {
    for (const room of rooms) this.#of(link, name)?.rooms.delete(room);
  }

  expectJoins(link: Link, name: string): void {
    const at = this.#of(link, name);
    if (at) at.joining++;
  }

  joined(link: Link, name: string): void {
    const at = this.#of(link, name);
    if (at) at.joining = Math.max(0, at.joining - 1);
  }

  drop(link: Link): void {
    for (const name of [...this.#serving.keys()]) this.shut(link, name);
  }

  servers(name: string, except: Link): Link[] {
    return links.filter((link) => link !== except && this.#of(link, name));
  }

  members(name: string, addressed: readonly RoomName[], except: Link): Link[] {
    return this.servers(name, except).filter((link) => {
      const { rooms, joining } = this.#of(link, name) as { rooms: Set<RoomName>; joining: number };
      if (addressed.length === 0) return rooms.size > 0 || joining > 0;
      return joining > 0 || addressed.some((room) => rooms.has(room));
    });
  }

  get sizes(): { namespaces: number; rooms: number } {
    const perNamespace = [...this.#serving.values()].map((servers) => {
      return new Set([...servers.values()].flatMap(({ rooms }) => [...rooms])).size;
    });
    return { namespaces: this.#serving.size, rooms: perNamespace.reduce((sum, rooms) => sum + rooms, 0) };
  }

  #of(link: Link, name: string) {
    return this.#serving.get(name)?.get(link);
  }
}

test("the table knows what a naive one knows, after any changes", () => {
  const questions = fc.array(fc.tuple(namespace, rooms, link), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), questions, (changes, asked) => {
      const [table, naive] = [new RoomTable<Link>(), new NaiveTable()];
      for (const apply of changes) {
        apply(table);
        apply(naive);
      }
      expect(table.sizes).toEqual(naive.sizes);
      for (const [name, rooms, except] of asked) {
        expect(sorted(table.members(name, rooms, except))).toEqual(naive.members(name, rooms, except));
        expect(sorted(table.servers(name, except))).toEqual(naive.servers(name, except));
      }
    }),
    { numRuns: 2_000 },
  );
});

test("nothing is left when every link has been dropped", () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
      const table = new RoomTable<Link>();
      for (const apply of changes) apply(table);
      for (const link of links) table.drop(link);
      expect(table.sizes).toEqual({ namespaces: 0, rooms: 0 });
    }),
  );
});

describe("members", () => {
  test("are each named once, however many rooms they are in", () => {
    const table = new RoomTable<Link>();
    table.join(a, "/", ["r", "s"]);
    expect(table.members("/", ["r", "s"], b)).toEqual([a]);
  });

  test("of everything are only the links with a member of something", () => {
    const table = new RoomTable<Link>();
    table.open(a, "/");
    table.join(b, "/", ["r"]);
    expect(table.members("/", [], c)).toEqual([b]);
  });

  test("may be anywhere while joins for others are carried out", () => {
    const table = new RoomTable<Link>();
    table.join(a, "/", ["r"]);
    table.expectJoins(a, "/");
    expect(table.members("/", ["other"], b)).toEqual([a]);
    table.joined(a, "/");
    expect(table.members("/", ["other"], b)).toEqual([]);
  });
});

function sorted(found: readonly Link[]): Link[] {
  return [...found].sort((one, other) => links.indexOf(one) - links.indexOf(other));
}

describe("a link with more rooms than are kept for it", () => {
  test.each([
    ["by number", { rooms: 3, nameLength: 1_000 }],
    ["by the length of their names", { rooms: 1_000, nameLength: 3 }],
  ])("%s gets all that is sent to its namespace, and the table does not grow", (_, limits) => {
    const table = new RoomTable<Link>(limits);
    table.join(b, "/", ["z"]);
    for (let i = 0; i < 10; i++) table.join(a, "/", [String(i)]);
    expect(table.sizes.rooms).toBe(4);
    expect(table.overflows).toBe(1);
    for (const room of ["0", "9", "never"]) expect(table.members("/", [room], nobody)).toEqual([a]);
    expect(table.members("/", ["z"], nobody)).toEqual([a, b]);
    table.leave(a, "/", ["0", "1", "2", "9"]);
    expect(table.members("/", [], nobody)).toEqual([b, a]);
    expect(table.members("/", ["8"], nobody)).toEqual([a]);
  });

  test("is counted anew once it has shut the namespace", () => {
    const table = new RoomTable<Link>({ rooms: 2, nameLength: 1_000 });
    table.join(a, "/x", ["0", "1", "2"]);
    table.shut(a, "/x");
    table.join(a, "/x", ["0", "1"]);
    expect(table.members("/x", ["2"], nobody)).toEqual([]);
    expect(table.overflows).toBe(1);
  });

  test("does not disturb others", () => {
    const table = new RoomTable<Link>({ rooms: 2, nameLength: 1_000 });
    table.join(a, "/", ["0", "1", "2"]);
    table.join(b, "/", ["0", "1"]);
    expect(table.members("/", ["2"], a)).toEqual([]);
  });
});
