// The content of the dashboard, computed from environment.json and the engine's list of containers. This module does not
// access the DOM.

export const GROUPS = [
  { title: "Gateway and services", kinds: ["gateway", "service"] },
  { title: "Stores", kinds: ["store"] },
  { title: "Tools", kinds: ["tool"] },
  { title: "Logs, traces and metrics", kinds: ["observability"] },
  { title: "Other", kinds: ["other"] },
];

// Ordered from best to worst: the state of a component is the worst one of its containers.
const STATES = [
  "healthy", "running", "starting", "created", "paused", "absent", "restarting", "unhealthy", "exited", "dead",
];
const STATUSES = {
  healthy: "ok", running: "ok", starting: "pending", created: "pending", restarting: "pending", paused: "idle",
};

const COMPONENT = "cloudlab.component";
const ENDS = "cloudlab.ends"; // on one-shot containers

// The state of a container, named as in the terminal.
export function stateOf(container) {
  if (container.State !== "running") return container.State;
  const health = /\((?:health: )?(unhealthy|healthy|starting)\)/.exec(container.Status);
  return health ? health[1] : "running";
}

// The status of a component, which determines its color: ok, pending, idle or error.
export function statusOf(entry) {
  return isExpected(entry) ? (STATUSES[entry.state] ?? "error") : "idle";
}

// Whether a component is expected to run. One that was absent at the end of the last run was never started; one that
// disappeared since then is an error. Docker Compose records no states, so they are unknown.
function isExpected(entry) {
  return [entry.state, entry.before].some((state) => state !== "absent" && state !== "unknown");
}

// Memory usage in bytes as `docker stats` counts it: without inactive file cache.
export function memoryOf(stats) {
  const { usage = 0, stats: details = {} } = stats.memory_stats;
  const cache = details.total_inactive_file ?? details.inactive_file ?? 0;
  return cache < usage ? usage - cache : usage;
}

// Facts about the environment as a whole.
export function factsOf(environment) {
  if (environment.composed) return ["started by Docker Compose", "passwords are in .env"];
  const engine = `Docker Engine ${environment.engine.version} on ${environment.engine.operating_system}`;
  const converged = environment.converged ? [`updated ${ago(environment.converged)}`] : [];
  return [`profile ${environment.profile}`, engine, ...converged];
}

// The consequence if the engine is not reachable.
export function withoutEngine(environment) {
  if (environment?.composed) return "container states are unknown. Set DOCKER_GROUP in .env to the group of the engine's socket.";
  const time = environment?.converged ? ` (${ago(environment.converged)})` : "";
  return `states are not live but from the last run${time}.`;
}

// The components, each with its current state and memory. `containers`: the engine's list, null if the engine is not
// reachable. `memory`: ID of a container -> bytes.
export function components(environment, containers, memory) {
  const known = environment?.components ?? [];
  if (!containers) return known.map((entry) => ({ ...entry, before: entry.state, used: entry.memory.used }));
  const current = containers.filter((container) => !isCompleted(container));
  const byComponent = Map.groupBy(current, (container) => container.Labels[COMPONENT]);
  const described = new Set(known.map((entry) => entry.component));
  const others = [...byComponent].filter(([name]) => !described.has(name)).map(undescribed);
  const entries = [...known, ...others].map((entry) => withState(entry, byComponent.get(entry.component) ?? [], memory));
  return entries.map((entry) => ({ ...entry, views: availableViews(entry, entries) }));
}

// The links of a component to other tools that are present.
function availableViews({ views }, entries) {
  const absent = entries.filter((entry) => entry.state === "absent" && isPage(entry.url));
  const origins = new Set(absent.map((entry) => new URL(entry.url).origin));
  return Object.fromEntries(Object.entries(views).filter(([, url]) => !origins.has(new URL(url).origin)));
}

// Whether a one-shot container has completed.
function isCompleted(container) {
  return container.Labels[ENDS] !== undefined && container.Status.startsWith("Exited (0)");
}

function withState(entry, containers, memory) {
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

// A container that the last finished run did not describe.
function undescribed([component, [container]]) {
  return {
    component, container: container.Names[0].slice(1), kind: "other", summary: "Starting…",
    address: "", url: "", user: "", password: "", image: container.Image, source: "", views: {},
    memory: { used: null, limit: null },
  };
}

// The groups that have components: the gateway first, the others by name.
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

// The state of the environment as a whole: a text and a status.
export function overall(entries) {
  const statuses = entries.filter(isExpected).map(statusOf);
  if (!statuses.length) return { text: "nothing is running", status: "idle" };
  const healthy = statuses.filter((status) => status === "ok").length;
  const status = ["error", "pending", "idle"].find((candidate) => statuses.includes(candidate)) ?? "ok";
  return { text: `${healthy} of ${statuses.length} healthy`, status };
}

// The components that are not healthy, the worst first.
export function problems(entries) {
  return entries
    .filter((entry) => isExpected(entry) && statusOf(entry) !== "ok")
    .sort((a, b) => STATES.indexOf(b.state) - STATES.indexOf(a.state));
}

export function isPage(url) {
  return /^https?:/.test(url);
}

// A short form of a URL, without scheme, login and query.
export function shortUrl(url) {
  const { host, pathname } = new URL(url);
  return host + pathname.replace(/\/$/, "");
}

// The links at the top: the gateway and all present tools, but not the dashboard itself.
export function links(entries, origin) {
  return sorted(entries)
    .filter((entry) => ["gateway", "tool", "observability"].includes(entry.kind) && isPage(entry.url))
    .filter((entry) => entry.state !== "absent")
    .filter((entry) => new URL(entry.url).origin !== origin);
}

// Commands for a component, run in the checkout. `composed`: with Docker Compose.
export function commandsFor(entry, composed) {
  if (composed) {
    return {
      start: `docker compose up --detach ${entry.component}`,
      "follow the log": `docker compose logs --follow --tail 100 ${entry.component}`,
      recreate: `docker compose up --detach --force-recreate --no-deps ${entry.component}`,
    };
  }
  return {
    "start or update": `ansible-playbook playbooks/dev.yml --tags ${entry.component}`,
    "follow the log": `docker logs --follow --tail 100 ${entry.container}`,
    recreate: `ansible-playbook playbooks/reset.yml -e level=component -e components=${entry.component}`,
  };
}

const COMPOSE_COMMANDS = {
  "start everything": "docker compose up --detach",
  "follow all logs": "docker compose logs --follow --tail 10",
  "show this in a terminal": "docker compose ps",
  "stop, keep data": "docker compose down",
  "remove everything": "docker compose down --volumes",
};
const PLAYBOOK_COMMANDS = {
  "start or update everything": "ansible-playbook playbooks/dev.yml",
  "follow all logs": "./scripts/logs.sh",
  "show this in a terminal": "ansible-playbook playbooks/describe.yml",
  "stop, keep data": "ansible-playbook playbooks/stop.yml",
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

// Memory usage and limit; each may be unknown.
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
