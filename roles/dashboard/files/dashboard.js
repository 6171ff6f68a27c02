// Fetches the state every few seconds while the tab is visible, and renders what has changed. Opened and revealed elements
// and the focus are kept.

import * as model from "./model.js";

const STATE_SECONDS = 3;
const MEMORY_SECONDS = 10;
const PARALLEL_REQUESTS = 4; // for memory, which take a second each; a browser opens at most six connections
const TIMEOUT_SECONDS = 10;
const HIDDEN = "••••••••";

const data = { environment: null, containers: null, memory: new Map(), notice: "" };
const cards = new Map(); // component -> {element, description: the data that it was rendered from}
let layout = ""; // the order of the cards
let shownCommands;

const find = (selector, within = document) => within.querySelector(selector);

// The element ID of a component's card. The prefix avoids collisions with other IDs.
function idOf(component) {
  return `component-${component}`;
}

function copyOf(template) {
  return find(`#${template}`).content.firstElementChild.cloneNode(true);
}

// Fetching

async function fetchJson(address) {
  const response = await fetch(address, { cache: "no-cache", signal: AbortSignal.timeout(TIMEOUT_SECONDS * 1000) });
  if (!response.ok) throw Object.assign(new Error(`${address}: ${response.status}`), { status: response.status });
  return response.json();
}

async function fetchState() {
  const notices = [];
  try {
    data.environment = await fetchJson("environment.json");
  } catch (error) {
    notices.push(
      error.status === 404
        ? "First start in progress – addresses and credentials appear when it finishes."
        : `Loading the description of the environment failed: ${error.message}.`,
    );
  }
  try {
    data.containers = await fetchJson("engine/containers");
  } catch (error) {
    data.containers = null;
    const reason = error.status === 404 ? "The engine's socket is not mounted" : "The engine does not respond";
    notices.push(`${reason}: ${model.withoutEngine(data.environment)}`);
  }
  data.notice = notices.join(" ");
}

async function fetchMemory() {
  const pending = (data.containers ?? []).filter((container) => container.State === "running");
  const found = new Map();
  const next = async () => {
    for (let container = pending.pop(); container; container = pending.pop()) {
      try {
        found.set(container.Id, model.memoryOf(await fetchJson(`engine/stats/${container.Id}`)));
      } catch {
        // It has stopped meanwhile, or the engine is busy: no figure is shown until the next refresh.
      }
    }
  };
  await Promise.all(Array.from({ length: PARALLEL_REQUESTS }, next));
  data.memory = found;
}

// Rendering

function render() {
  const entries = model.components(data.environment, data.containers, data.memory);
  const { text, status } = model.overall(entries);
  setStatus(find("#overall"), text, status);
  setText(find("#notice"), data.notice);
  find("#notice").hidden = !data.notice;
  if (data.environment) renderEnvironment(data.environment);
  document.title = `${text} · ${data.environment?.instance ?? "Cloudlab"}`;
  renderProblems(model.problems(entries));
  renderLinks(model.links(entries, location.origin));
  renderGroups(model.grouped(entries));
  renderCommands(model.commands(data.environment?.composed));
  renderUnavailable(data.environment?.unavailable ?? {});
}

function renderEnvironment(environment) {
  setText(find("#instance"), environment.instance);
  setText(find("#facts"), model.factsOf(environment).join(" · "));
}

function renderProblems(entries) {
  const list = find("#problems");
  list.hidden = !entries.length;
  update(
    list,
    entries.map((entry) => {
      const item = element("li", "");
      const anchor = element("a", "");
      anchor.href = `#${idOf(entry.component)}`;
      anchor.className = "state";
      setStatus(anchor, `${entry.component}: ${entry.state}`, model.statusOf(entry));
      item.append(anchor);
      return item;
    }),
  );
}

function renderLinks(entries) {
  const nav = find("#links");
  nav.hidden = !entries.length;
  update(nav, entries.map((entry) => link(entry.url, entry.component)));
}

function renderGroups(groups) {
  for (const entry of groups.flatMap((group) => group.entries)) renderCard(entry);
  const newLayout = JSON.stringify(groups.map(({ title, entries }) => [title, entries.map((entry) => entry.component)]));
  if (newLayout === layout) return;
  layout = newLayout;
  find("#groups").replaceChildren(...groups.map(groupOf));
}

function groupOf({ title, entries }) {
  const group = copyOf("group");
  setText(find("h2", group), title);
  find("ul", group).append(...entries.map((entry) => cards.get(entry.component).element));
  return group;
}

// A card is created once and replaced if its description changes; its state is updated each time.
function renderCard(entry) {
  const { state, before, replicas, used, memory, ...described } = entry;
  const description = JSON.stringify(described);
  const card = cards.get(entry.component);
  if (card?.description !== description) {
    const element = cardOf(entry);
    card?.element.replaceWith(element);
    cards.set(entry.component, { element, description });
  }
  renderState(cards.get(entry.component).element, entry);
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
  find("details ul", card).append(...commandsOf(model.commandsFor(entry, data.environment?.composed)));
  return card;
}

function renderState(card, entry) {
  const count = entry.replicas > 1 ? ` (worst of ${entry.replicas})` : "";
  setStatus(find(".state", card), entry.state + count, model.statusOf(entry));
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
    linked && valueOf("open", url, { isLink: true }),
    ...addresses.map((part) => valueOf("address", part)),
    url && !linked && url !== address && valueOf("url", url, { shown: masked }),
    user && valueOf("user", user),
    password && valueOf("password", password, { shown: HIDDEN }),
  ].filter(Boolean);
}

// A line with a name, a value that may be masked until it is revealed, and a button that copies it.
function valueOf(name, value, { shown = value, isLink = false } = {}) {
  const line = copyOf("value");
  const text = find("code", line);
  const reveal = find(".show", line);
  const copy = find(".copy", line);
  setText(find(".name", line), name);
  if (isLink) text.append(link(value, model.shortUrl(value)));
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

function renderCommands(commands) {
  if (commands === shownCommands) return;
  shownCommands = commands;
  find("#commands ul").replaceChildren(...commandsOf(commands));
}

function renderUnavailable(unavailable) {
  find("#unavailable").hidden = !Object.keys(unavailable).length;
  update(
    find("#unavailable dl"),
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

// Only changes are written, because a screen reader reads every change.
function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

function setStatus(target, text, status) {
  setText(target, text);
  target.dataset.status = status;
}

function update(target, children) {
  if (target.innerHTML !== children.map((child) => child.outerHTML).join("")) target.replaceChildren(...children);
}

// Refreshing while the tab is visible

function repeat(fetchData, seconds) {
  let timer;
  const refresh = async () => {
    if (document.visibilityState !== "visible") return;
    await fetchData();
    render();
    // The tab may have become visible during a refresh, which has then already set the timer.
    clearTimeout(timer);
    timer = setTimeout(refresh, seconds * 1000);
  };
  document.addEventListener("visibilitychange", refresh);
  return refresh();
}

await repeat(fetchState, STATE_SECONDS);
repeat(fetchMemory, MEMORY_SECONDS);
