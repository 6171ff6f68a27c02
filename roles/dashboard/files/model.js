// What the page shows, worked out of what it was told: environment.json, and what the engine lists. Nothing here
// touches the document.

export const GROUPS = [
  { title: "Gateway and services", kinds: ["gateway", "service"] },
  { title: "Stores", kinds: ["store"] },
  { title: "Tools", kinds: ["tool"] },
  { title: "Logs, traces and metrics", kinds: ["observability"] },
  { title: "Others", kinds: ["other"] },
];

// From good to bad: of several containers of a component the worst one tells its state.
const STATES = [
  "healthy", "running", "starting", "created", "paused", "absent", "restarting", "unhealthy", "exited", "dead",
];
const MOODS = {
  healthy: "good", running: "good", starting: "busy", created: "busy", restarting: "busy", paused: "idle",
};

const COMPONENT = "cloudlab.component";
const ENDS = "cloudlab.ends"; // on what fills a store and is done then

// State of a container as the engine lists it, in the words of the table in the terminal.
export function stateOf(container) {
  if (container.State !== "running") return container.State;
  const health = /\((?:health: )?(unhealthy|healthy|starting)\)/.exec(container.Status);
  return health ? health[1] : "running";
}

// How a component's state looks: good, busy, idle or bad.
export function moodOf(entry) {
  return isWanted(entry) ? (MOODS[entry.state] ?? "bad") : "idle";
}

// Whether it is meant to run. What was absent when the last run ended was never brought up; what is gone since then is
// missed. Of what Docker Compose brings up nobody has written down whether it runs.
function isWanted(entry) {
  return [entry.state, entry.before].some((state) => state !== "absent" && state !== "unknown");
}

// Bytes in use as `docker stats` counts them: without the file cache that would be given up first.
export function memoryOf(stats) {
  const { usage = 0, stats: details = {} } = stats.memory_stats;
  const cache = details.total_inactive_file ?? details.inactive_file ?? 0;
  return cache < usage ? usage - cache : usage;
}

// What is known of the environment as a whole.
export function factsOf(page) {
  if (page.composed) return ["brought up by Docker Compose", "passwords are those of .env"];
  const engine = `Docker Engine ${page.engine.version} on ${page.engine.operating_system}`;
  const converged = page.converged ? [`converged ${ago(page.converged)}`] : [];
  return [`profile ${page.profile}`, engine, ...converged];
}

// What it means that the engine cannot be asked.
export function withoutEngine(page) {
  if (page?.composed) return "no states are known. DOCKER_GROUP in .env says whose the engine's socket is.";
  const time = page?.converged ? `, ${ago(page.converged)}` : "";
  return `states are not live, but as the last run found them${time}.`;
}

// The components, each with its state and memory as they are now. `containers`: what the engine lists, null where it
// cannot be asked. `memory`: id of a container -> bytes.
export function components(page, containers, memory) {
  const known = page?.components ?? [];
  if (!containers) return known.map((entry) => ({ ...entry, before: entry.state, used: entry.memory.used }));
  const lasting = containers.filter((container) => !isDone(container));
  const living = Map.groupBy(lasting, (container) => container.Labels[COMPONENT]);
  const described = new Set(known.map((entry) => entry.component));
  const others = [...living].filter(([name]) => !described.has(name)).map(undescribed);
  const entries = [...known, ...others].map((entry) => now(entry, living.get(entry.component) ?? [], memory));
  return entries.map((entry) => ({ ...entry, views: openViews(entry, entries) }));
}

// What is to be seen of a component elsewhere, of those that there are.
function openViews({ views }, entries) {
  const gone = entries.filter((entry) => entry.state === "absent" && isPage(entry.url));
  const origins = new Set(gone.map((entry) => new URL(entry.url).origin));
  return Object.fromEntries(Object.entries(views).filter(([, url]) => !origins.has(new URL(url).origin)));
}

// Whether a container has ended as it is meant to.
function isDone(container) {
  return container.Labels[ENDS] !== undefined && container.Status.startsWith("Exited (0)");
}

function now(entry, containers, memory) {
  const states = containers.map(stateOf);
  const figures = containers.map((container) => memory.get(container.Id)).filter((used) => used !== undefined);
  return {
    ...entry,
    before: entry.state,
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
function undescribed([component, [container]]) {
  return {
    component, container: container.Names[0].slice(1), kind: "other", summary: "Not described by a run yet",
    address: "", url: "", user: "", password: "", image: container.Image, source: "", views: {},
    memory: { used: null, limit: null },
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
  const place = (entry) => GROUPS.flatMap((group) => group.kinds).indexOf(entry.kind);
  return entries.toSorted((a, b) => place(a) - place(b) || a.component.localeCompare(b.component));
}

// How all of it is: in words, and as a mood.
export function overall(entries) {
  const moods = entries.filter(isWanted).map(moodOf);
  if (!moods.length) return { text: "nothing is known to run", mood: "idle" };
  const good = moods.filter((mood) => mood === "good").length;
  const mood = ["bad", "busy", "idle"].find((candidate) => moods.includes(candidate)) ?? "good";
  return { text: `${good} of ${moods.length} healthy`, mood };
}

// Those that somebody should look after, the worst first.
export function troubles(entries) {
  return entries
    .filter((entry) => isWanted(entry) && moodOf(entry) !== "good")
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

// The pages worth a door at the top: all but the services' and stores', whose addresses are for programs, this one, and
// what is not there.
export function doors(entries, here) {
  return sorted(entries)
    .filter((entry) => ["gateway", "tool", "observability"].includes(entry.kind) && isPage(entry.url))
    .filter((entry) => entry.state !== "absent")
    .filter((entry) => new URL(entry.url).origin !== here);
}

// What a developer does with a component, as commands for the checkout. `composed`: by Docker Compose.
export function commandsFor(entry, composed) {
  if (composed) {
    return {
      "start it": `docker compose up --detach ${entry.component}`,
      "follow its log": `docker compose logs --follow --tail 100 ${entry.component}`,
      "make it anew": `docker compose up --detach --force-recreate --no-deps ${entry.component}`,
    };
  }
  return {
    converge: `ansible-playbook playbooks/dev.yml --tags ${entry.component}`,
    "follow its log": `docker logs --follow --tail 100 ${entry.container}`,
    "make it anew": `ansible-playbook playbooks/reset.yml -e level=component -e components=${entry.component}`,
  };
}

const COMPOSE_COMMANDS = {
  "start everything": "docker compose up --detach",
  "follow all logs": "docker compose logs --follow --tail 10",
  "show this in the terminal": "docker compose ps",
  "stop, data kept": "docker compose down",
  "remove everything": "docker compose down --volumes",
};
const PLAYBOOK_COMMANDS = {
  "converge everything": "ansible-playbook playbooks/dev.yml",
  "follow all logs": "./scripts/logs.sh",
  "show this in the terminal": "ansible-playbook playbooks/describe.yml",
  "stop, data kept": "ansible-playbook playbooks/stop.yml",
  "remove everything": "ansible-playbook playbooks/reset.yml -e level=everything",
};

export function commands(composed) {
  return composed ? COMPOSE_COMMANDS : PLAYBOOK_COMMANDS;
}

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
