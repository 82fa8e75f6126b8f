/**
 * The chat page: wires the connection to what is seen. It speaks the events that any Socket.IO client may (send-message,
 * say, join, leave), and adds what only a page needs: `hello`, answered by `welcome` and followed by `presence`; names in
 * join and leave, told to the room's others; and a room to send a message to.
 */
import { Composer } from "./composer.js";
import { Connection } from "./connection.js";
import { Drawer } from "./drawer.js";
import { rememberedName, rememberedRooms, rememberName, rememberRooms } from "./memory.js";
import { OwnMessages } from "./own-message.js";
import { RoomList } from "./room-list.js";
import { shown, shownName, Timeline } from "./timeline.js";

const EVERYBODY = "0";
const STATES = {
  connecting: "Connecting…",
  connected: "Connected",
  reconnecting: "Reconnecting…",
  offline: "Offline",
};

const byId = (id) => document.getElementById(id);
const connection = new Connection();
const timeline = new Timeline(byId("log"), byId("latest"));
const rooms = new RoomList(byId("rooms"));
const composer = new Composer(byId("composer"), byId("text"), [byId("send"), byId("wave")]);
const ownMessages = new OwnMessages();
const drawer = new Drawer({
  panel: byId("panel"),
  behind: [document.querySelector("header"), byId("main")],
  opener: byId("open-panel"),
  closer: byId("close-panel"),
});
let servedBy;

showName();
for (const room of rememberedRooms()) rooms.add(room);
listen();
control();
connection.open();

function listen() {
  connection.onState = showState;
  connection.onUp = greetWorker;
  connection.onDown = () => timeline.note("The connection is lost. Reconnecting…", "warn");
  connection.on("welcome", showWorker);
  connection.on("presence", showPeople);
  connection.on("receive-message", receive);
  connection.on("gm", ({ name, to }) => timeline.note(`${shownName(name)} waves to #${shownName(to)}`));
  connection.on("broadcast", ({ name }) => timeline.note(`${shownName(name)} waves to everybody`));
  connection.on("joined", ({ name, to }) => timeline.note(`${shownName(name)} joined #${shownName(to)}`));
  connection.on("left", ({ name, to }) => timeline.note(`${shownName(name)} left #${shownName(to)}`));
}

function control() {
  byId("name").addEventListener("input", () => rememberName(name()));
  byId("who").addEventListener("submit", (event) => {
    event.preventDefault();
    drawer.close();
    composer.focus();
  });
  byId("join").addEventListener("submit", (event) => {
    event.preventDefault();
    void join(byId("room").value.trim());
  });
  byId("target").addEventListener("click", () => {
    drawer.open();
    rooms.focus();
  });
  byId("wave").addEventListener("click", wave);
  rooms.onLeave = leave;
  rooms.onChoose = showTarget;
  composer.onSend = send;
}

function name() {
  return byId("name").value.trim();
}

/* Talking */

async function send(text) {
  const message = { username: name() || undefined, text_message: text, to: rooms.chosen };
  ownMessages.add(message);
  if (await connection.ask("send-message", message)) return;
  ownMessages.take(message);
  timeline.note("Not confirmed: your last message may not have arrived.", "warn");
  composer.restore(text);
}

function receive({ sender, text_message, to }) {
  const room = typeof to === "string" ? to : undefined;
  const own = ownMessages.take({ username: sender, text_message, to: room });
  timeline.message({ sender, text: text_message, room, own });
}

function wave() {
  connection.tell("say", { name: name() || undefined, to: rooms.chosen ?? EVERYBODY });
}

/* Rooms */

async function join(room) {
  if (room === "") return byId("room").focus();
  if (!rooms.has(room) && !(await enter(room))) return;
  rooms.choose(room);
  byId("room").value = "";
  drawer.close();
  composer.focus();
}

async function enter(room) {
  const entered = await connection.ask("join", { to: room, name: name() || undefined });
  timeline.note(entered ? `You joined #${room}` : `#${room} could not be joined`, entered ? "plain" : "warn");
  if (entered) rooms.add(room);
  rememberRooms(rooms.names);
  return entered;
}

async function leave(room) {
  const left = await connection.ask("leave", { to: room, name: name() || undefined });
  timeline.note(left ? `You left #${room}` : `#${room} could not be left`, left ? "plain" : "warn");
  if (left) rooms.remove(room);
  rememberRooms(rooms.names);
}

/** A new session is in no room, whatever the page was in before. */
async function joinAgain() {
  const asked = rooms.names;
  const answers = await Promise.all(asked.map((to) => connection.ask("join", { to })));
  return asked.filter((_, index) => answers[index]);
}

/* The connection */

async function greetWorker(awayMs) {
  if (awayMs !== undefined) timeline.note(`Back after ${(awayMs / 1000).toFixed(1)} s`);
  connection.tell("hello", {});
  const joined = (await joinAgain()).map((room) => `#${room}`).join(", ");
  if (joined !== "") timeline.note(`Joined again: ${joined}`);
}

function showWorker({ worker, host }) {
  const { slot, pid, generation } = worker ?? {};
  const server = `worker ${slot} (pid ${pid}) on host ${shown(host, 80)}, generation ${generation}`;
  byId("served").textContent = `Served by ${server}`;
  if (server !== servedBy) timeline.note(`${servedBy === undefined ? "You are" : "Now"} served by ${server}`);
  servedBy = server;
}

function showPeople({ count }) {
  byId("people").hidden = false;
  byId("people").textContent = count === 1 ? "1 person here" : `${count} people here`;
}

function showState(state, transport) {
  const line = byId("state");
  line.dataset.state = state;
  line.replaceChildren(STATES[state]);
  if (transport !== undefined) line.append(" ", transportDetail(transport));
  composer.enable(state === "connected");
  if (state === "connected") return;
  byId("people").hidden = true;
  byId("served").textContent = "Looking for a worker…";
}

function transportDetail(transport) {
  const detail = document.createElement("span");
  detail.className = "transport";
  detail.textContent = `over ${transport}`;
  return detail;
}

/* Who and to whom */

function showName() {
  byId("name").value = rememberedName() ?? `Guest ${100 + Math.floor(Math.random() * 900)}`;
}

function showTarget() {
  const room = rooms.chosen;
  byId("target-name").textContent = room === undefined ? "everybody" : `#${room}`;
}
