// Asks, every few seconds while somebody looks, and shows what has changed. What somebody has opened, revealed or put
// the focus on stays as it is.

import * as model from "./model.js";

const ROUND_SECONDS = 3;
const MEMORY_SECONDS = 10;
const AT_ONCE = 4; // answers about memory take the engine a second each, and a browser has six connections for all
const TIMEOUT_SECONDS = 10;
const HIDDEN = "••••••••";

const told = { page: null, containers: null, memory: new Map(), notice: "" };
const cards = new Map(); // component -> {element, description: what it was made of}
let layout = ""; // which cards stand where
let offered; // the commands that are shown

const find = (selector, within = document) => within.querySelector(selector);

// Where a component stands; a component may be called like any other part of the page.
function idOf(component) {
  return `component-${component}`;
}

function copyOf(template) {
  return find(`#${template}`).content.firstElementChild.cloneNode(true);
}

// Asking

async function ask(address) {
  const answer = await fetch(address, { cache: "no-cache", signal: AbortSignal.timeout(TIMEOUT_SECONDS * 1000) });
  if (!answer.ok) throw Object.assign(new Error(`${address}: ${answer.status}`), { status: answer.status });
  return answer.json();
}

async function askState() {
  const notices = [];
  try {
    told.page = await ask("environment.json");
  } catch (error) {
    notices.push(
      error.status === 404
        ? "No run has ended yet. What the engine tells is shown; addresses and credentials follow."
        : `The description of the environment cannot be read (${error.message}).`,
    );
  }
  try {
    told.containers = await ask("engine/containers");
  } catch (error) {
    told.containers = null;
    const reason = error.status === 404 ? "The engine's socket is not mounted here" : "The engine does not answer";
    notices.push(`${reason}: ${model.withoutEngine(told.page)}`);
  }
  told.notice = notices.join(" ");
}

async function askMemory() {
  const waiting = (told.containers ?? []).filter((container) => container.State === "running");
  const found = new Map();
  const next = async () => {
    for (let container = waiting.pop(); container; container = waiting.pop()) {
      try {
        found.set(container.Id, model.memoryOf(await ask(`engine/stats/${container.Id}`)));
      } catch {
        // It has ended meanwhile, or the engine is busy: no figure is shown until the next time.
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, next));
  told.memory = found;
}

// Showing

function show() {
  const entries = model.components(told.page, told.containers, told.memory);
  const { text, mood } = model.overall(entries);
  setState(find("#overall"), text, mood);
  setText(find("#notice"), told.notice);
  find("#notice").hidden = !told.notice;
  if (told.page) showEnvironment(told.page);
  document.title = `${text} · ${told.page?.instance ?? "Cloudlab"}`;
  showTroubles(model.troubles(entries));
  showDoors(model.doors(entries, location.origin));
  showGroups(model.grouped(entries));
  showCommands(model.commands(told.page?.composed));
  showMissing(told.page?.unavailable ?? {});
}

function showEnvironment(page) {
  setText(find("#instance"), page.instance);
  setText(find("#facts"), model.factsOf(page).join(" · "));
}

function showTroubles(entries) {
  const list = find("#troubles");
  list.hidden = !entries.length;
  update(
    list,
    entries.map((entry) => {
      const item = element("li", "");
      const jump = element("a", "");
      jump.href = `#${idOf(entry.component)}`;
      jump.className = "state";
      setState(jump, `${entry.component}: ${entry.state}`, model.moodOf(entry));
      item.append(jump);
      return item;
    }),
  );
}

function showDoors(entries) {
  const nav = find("#doors");
  nav.hidden = !entries.length;
  update(nav, entries.map((entry) => link(entry.url, entry.component)));
}

function showGroups(groups) {
  for (const entry of groups.flatMap((group) => group.entries)) showCard(entry);
  const wanted = JSON.stringify(groups.map(({ title, entries }) => [title, entries.map((entry) => entry.component)]));
  if (wanted === layout) return;
  layout = wanted;
  find("#groups").replaceChildren(...groups.map(groupOf));
}

function groupOf({ title, entries }) {
  const group = copyOf("group");
  setText(find("h2", group), title);
  find("ul", group).append(...entries.map((entry) => cards.get(entry.component).element));
  return group;
}

// A card is made once, and anew when a run describes its component otherwise; what lives in it is set each time.
function showCard(entry) {
  const { state, before, replicas, used, memory, ...described } = entry;
  const description = JSON.stringify(described);
  const card = cards.get(entry.component);
  if (card?.description !== description) {
    const element = cardOf(entry);
    card?.element.replaceWith(element);
    cards.set(entry.component, { element, description });
  }
  showLife(cards.get(entry.component).element, entry);
}

function cardOf(entry) {
  const card = copyOf("card");
  card.id = idOf(entry.component);
  setText(find("h3", card), entry.component);
  setText(find(".summary", card), entry.summary);
  find(".values", card).append(...valuesOf(entry));
  find(".image", card).hidden = !entry.image;
  setText(find(".image code", card), entry.image);
  setText(find(".source", card), entry.source);
  find(".views", card).append(...Object.entries(entry.views).map(([what, url]) => link(url, what)));
  find("details ul", card).append(...commandsOf(model.commandsFor(entry, told.page?.composed)));
  return card;
}

function showLife(card, entry) {
  const count = entry.replicas > 1 ? ` (worst of ${entry.replicas})` : "";
  setState(find(".state", card), entry.state + count, model.moodOf(entry));
  const { used, memory: { limit } } = entry;
  const memory = find(".memory", card);
  memory.hidden = used === null && !limit;
  const bar = find(".bar", memory);
  const share = used !== null && limit ? used / limit : 0;
  bar.hidden = used === null || !limit;
  bar.ariaValueNow = used ?? 0;
  bar.ariaValueMax = limit ?? 0;
  bar.ariaValueText = used === null ? "" : model.size(used);
  bar.classList.toggle("full", share > 0.9);
  bar.firstElementChild.style.width = `${Math.min(100, share * 100)}%`;
  setText(find(".figures", memory), model.figures(used, limit));
}

function valuesOf({ url, address, user, password }) {
  const linked = model.isPage(url) ? url : "";
  const addresses = address.split(", ").filter((part) => part && !linked.includes(part));
  const masked = password ? url.replace(encodeURIComponent(password), HIDDEN) : url;
  return [
    linked && valueOf("open", url, { page: true }),
    ...addresses.map((part) => valueOf("address", part)),
    url && !linked && url !== address && valueOf("url", url, { shown: masked }),
    user && valueOf("user", user),
    password && valueOf("password", password, { shown: HIDDEN }),
  ].filter(Boolean);
}

// A line with a name, a value that may be hidden until somebody asks for it, and a button that copies it.
function valueOf(name, value, { shown = value, page = false } = {}) {
  const line = copyOf("value");
  const text = find("code", line);
  const reveal = find(".show", line);
  const copy = find(".copy", line);
  setText(find(".name", line), name);
  if (page) text.append(link(value, model.brief(value)));
  else setText(text, shown);
  reveal.hidden = shown === value;
  reveal.ariaLabel = `show ${name}`;
  reveal.addEventListener("click", () => {
    const visible = text.classList.toggle("shown");
    setText(text, visible ? value : shown);
    setText(reveal, visible ? "hide" : "show");
    reveal.ariaPressed = visible;
  });
  copy.ariaLabel = `copy ${name}`;
  copy.addEventListener("click", () => copyText(copy, value));
  return line;
}

function commandsOf(commands) {
  return Object.entries(commands).map(([name, command]) => valueOf(name, command));
}

function showCommands(commands) {
  if (commands === offered) return;
  offered = commands;
  find("#commands ul").replaceChildren(...commandsOf(commands));
}

function showMissing(unavailable) {
  find("#missing").hidden = !Object.keys(unavailable).length;
  update(
    find("#missing dl"),
    Object.entries(unavailable).map(([name, reason]) => {
      const item = document.createElement("div");
      item.append(element("dt", name), element("dd", reason));
      return item;
    }),
  );
}

async function copyText(button, text) {
  await navigator.clipboard.writeText(text);
  button.textContent = "copied";
  setTimeout(() => (button.textContent = "copy"), 1500);
}

// Elements

function element(tag, text) {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

function link(url, text) {
  const made = element("a", text);
  Object.assign(made, { href: url, target: "_blank", rel: "noreferrer" });
  return made;
}

// Only what differs is touched: a screen reader reads out what changes.
function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

function setState(target, text, mood) {
  setText(target, text);
  target.dataset.mood = mood;
}

function update(target, children) {
  if (target.innerHTML !== children.map((child) => child.outerHTML).join("")) target.replaceChildren(...children);
}

// Going on for as long as somebody looks

function repeat(asking, seconds) {
  let next;
  const turn = async () => {
    if (document.visibilityState !== "visible") return;
    await asking();
    show();
    // Whoever comes back within a turn finds the next one planned already.
    clearTimeout(next);
    next = setTimeout(turn, seconds * 1000);
  };
  document.addEventListener("visibilitychange", turn);
  return turn();
}

await repeat(askState, ROUND_SECONDS);
repeat(askMemory, MEMORY_SECONDS);
