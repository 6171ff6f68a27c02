// What the page shows, worked out of what it was told: environment.json, and what the engine lists. Nothing here touches
// the document.

export const GROUPS = [
  { title: "Gateway and services", kinds: ["gateway", "service"] },
  { title: "Stores", kinds: ["store"] },
  { title: "Tools", kinds: ["tool"] },
  { title: "Logs, traces and metrics", kinds: ["observability"] },
  { title: "Others", kinds: ["other"] },
];

// From good to bad: of several containers of a component the worst one tells its state.
const STATES = ["healthy", "running", "starting", "created", "paused", "unhealthy", "restarting", "exited", "dead", "absent"];
const MOODS = { healthy: "good", running: "good", starting: "busy", created: "busy", restarting: "busy", paused: "idle", absent: "idle" };

const COMPONENT = "cloudlab.component";

// State of a container as the engine lists it, in the words of the table in the terminal.
export function stateOf(container) {
  if (container.State !== "running") return container.State;
  const health = /\((?:health: )?(unhealthy|healthy|starting)\)/.exec(container.Status);
  return health ? health[1] : "running";
}

// How a state looks: good, busy, idle or bad.
export function moodOf(state) {
  return MOODS[state] ?? "bad";
}

// Bytes in use as `docker stats` counts them: without the file cache that would be given up first.
export function memoryOf(stats) {
  const { usage = 0, stats: details = {} } = stats.memory_stats;
  const cache = details.total_inactive_file ?? details.inactive_file ?? 0;
  return cache < usage ? usage - cache : usage;
}

// The components, each with its state and memory as they are now. `containers`: what the engine lists, null where it
// cannot be asked. `memory`: id of a container -> bytes.
export function components(page, containers, memory) {
  const known = page?.components ?? [];
  if (!containers) return known.map((entry) => ({ ...entry, used: entry.memory.used }));
  const living = Map.groupBy(containers, (container) => container.Labels[COMPONENT]);
  const described = new Set(known.map((entry) => entry.component));
  const others = [...living.keys()].filter((name) => !described.has(name)).map(undescribed);
  return [...known, ...others].map((entry) => now(entry, living.get(entry.component) ?? [], memory));
}

function now(entry, containers, memory) {
  const states = containers.map(stateOf);
  const figures = containers.map((container) => memory.get(container.Id)).filter((used) => used !== undefined);
  return {
    ...entry,
    state: states.length ? worst(states) : "absent",
    replicas: states.length,
    used: figures.length ? figures.reduce((sum, used) => sum + used) : null,
    memory: { ...entry.memory, limit: entry.memory.limit && entry.memory.limit * Math.max(1, states.length) },
  };
}

function worst(states) {
  return states.reduce((found, state) => (STATES.indexOf(state) > STATES.indexOf(found) ? state : found));
}

// A container that no finished run has told about yet.
function undescribed(component) {
  return {
    component, summary: "Not described by a run yet", kind: "other", address: "", url: "", user: "", password: "", image: "",
    source: "", memory: { used: null, limit: null }, views: {},
  };
}

// The groups that have components: the gateway before the services, the rest by name.
export function grouped(entries) {
  return GROUPS.map(({ title, kinds }) => ({
    title,
    entries: sorted(entries).filter((entry) => kinds.includes(entry.kind)),
  })).filter((group) => group.entries.length);
}

function sorted(entries) {
  const kinds = GROUPS.flatMap((group) => group.kinds);
  return entries.toSorted((a, b) => kinds.indexOf(a.kind) - kinds.indexOf(b.kind) || a.component.localeCompare(b.component));
}

// How all of it is: in words, and as a mood.
export function overall(entries) {
  const moods = entries.map((entry) => moodOf(entry.state));
  const good = moods.filter((mood) => mood === "good").length;
  const mood = ["bad", "busy", "idle"].find((candidate) => moods.includes(candidate)) ?? "good";
  return { text: `${good} of ${entries.length} healthy`, mood };
}

// Those that somebody should look after, the worst first.
export function troubles(entries) {
  return entries
    .filter((entry) => moodOf(entry.state) !== "good")
    .sort((a, b) => STATES.indexOf(b.state) - STATES.indexOf(a.state));
}

export function isPage(url) {
  return /^https?:/.test(url);
}

// An address as people say it: without scheme, login, and what a browser needs for itself.
export function brief(url) {
  const { host, pathname } = new URL(url);
  return host + pathname.replace(/\/$/, "");
}

// The pages worth a door at the top: all but the services' and stores', whose addresses are for programs, and this one.
export function doors(entries, here) {
  const worthy = (entry) => ["gateway", "tool", "observability"].includes(entry.kind) && new URL(entry.url).origin !== here;
  return sorted(entries).filter((entry) => isPage(entry.url) && worthy(entry));
}

// What a developer does with a component, as commands for the checkout.
export function commandsFor(entry) {
  return {
    converge: `ansible-playbook playbooks/dev.yml --tags ${entry.component}`,
    "follow its log": `docker logs --follow --tail 100 ${entry.container}`,
    "make it anew": `ansible-playbook playbooks/reset.yml -e level=component -e components=${entry.component}`,
  };
}

export const COMMANDS = {
  "converge everything": "ansible-playbook playbooks/dev.yml",
  "follow all logs": "./scripts/logs.sh",
  "show this in the terminal": "ansible-playbook playbooks/describe.yml",
  "stop, data kept": "ansible-playbook playbooks/stop.yml",
  "remove everything": "ansible-playbook playbooks/reset.yml -e level=everything",
};

export function size(bytes) {
  const units = ["B", "KiB", "MiB", "GiB"];
  const power = bytes ? Math.min(Math.floor(Math.log2(bytes) / 10), units.length - 1) : 0;
  return `${(bytes / 2 ** (10 * power)).toFixed(power === 3 ? 1 : 0)} ${units[power]}`;
}

// Memory in use and its limit, either of which may be unknown.
export function figures(used, limit) {
  if (used === null) return limit ? `up to ${size(limit)}` : "";
  return limit ? `${size(used)} of ${size(limit)}` : size(used);
}

export function ago(moment, present = Date.now()) {
  const seconds = Math.max(0, (present - Date.parse(moment)) / 1000);
  const steps = [["day", 86400], ["hour", 3600], ["minute", 60]];
  for (const [unit, length] of steps) {
    const count = Math.floor(seconds / length);
    if (count) return `${count} ${unit}${count > 1 ? "s" : ""} ago`;
  }
  return "just now";
}
