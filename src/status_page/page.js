"use strict";

// Shows what /status says, and asks again whenever /events tells of something new. Everything that comes from
// outside becomes text, never markup.

/** The states in the order of how much they matter, each with its word, its tone and its sign. */
const STATES = {
  failed: ["failed", "bad", "cross"],
  drifted: ["drifted", "attention", "bolt"],
  held: ["held", "attention", "pause"],
  pending: ["to be changed", "calm", "arrow"],
  unknown: ["not compared", "attention", "question"],
  reported: ["only reported", "calm", "eye"],
  in_sync: ["in sync", "good", "check"],
};

const SIGNS = {
  check: "M4.5 12.5l5 5 10-11",
  cross: "M6 6l12 12M18 6L6 18",
  bolt: "M4 8h12l-3.5-3.5M20 16H8l3.5 3.5",
  pause: "M8.5 5v14M15.5 5v14",
  arrow: "M4 12h15M13 6l6 6-6 6",
  question: "M8 8.5a4 4 0 1 1 5.8 3.6c-1.3.7-1.8 1.4-1.8 2.9M12 19v.1",
  eye: "M2.5 12C5 7.5 8.3 5.5 12 5.5s7 2 9.5 6.5c-2.5 4.5-5.8 6.5-9.5 6.5s-7-2-9.5-6.5zM12 12v.1",
  dots: "M5 12h.1M12 12h.1M19 12h.1",
  warning: "M12 4L2.5 20h19zM12 10v4.5M12 17.3v.1",
};

const TONE_SIGNS = { good: "check", attention: "warning", bad: "cross", waiting: "dots" };

const ACTIONS = {
  create: ["created", "would be created"],
  update: ["updated", "would be updated"],
  replace: ["replaced", "would be replaced"],
  delete: ["deleted", "would be deleted"],
  adopt: ["adopted", "would be adopted"],
  none: ["left alone", "is left alone"],
};

const CAUSES = {
  drift: "changed on the platform",
  manifest: "changed in the files",
  conflict: "changed on both sides: the files win",
};

/** So many rows, cards or changes are shown before somebody asks for more. */
const ROWS = 100;
const CARDS = 12;
const CHANGES = 15;

/** Up to so many resources, groups are open from the beginning. */
const FEW = 60;

/** The same while something is looked for. */
const FOUND = 300;

/** The server knows of so many changes. */
const HISTORY = 100;

/** Without any event for so long, the connection is lost: there is one every ten seconds. */
const SILENCE = 25_000;

/** A connection that is made anew at once is no news. */
const GRACE = 3_000;

const at = (id) => document.getElementById(id);

/** An element with these properties; `children` are elements and texts. */
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "tone") element.dataset.tone = value;
    else if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

function sign(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  const is = { viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", "stroke-width": "2.5" };
  Object.entries({ ...is, "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true" })
    .forEach(([key, value]) => svg.setAttribute(key, value));
  path.setAttribute("d", SIGNS[name]);
  svg.append(path);
  return svg;
}

/** Sets a text only where it is another, so that nothing is read out twice. */
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Hides an element, or shows it, where it is not so already. */
function hide(element, isHidden) {
  if (element.hidden !== isHidden) element.hidden = isHidden;
}

/** Makes the children of a container those of the items, and keeps each one whose item is the same as before. */
function keep(container, items, key, render) {
  const before = new Map([...container.children].map((child) => [child.key, child]));
  const isFirst = !container.wasFilled;
  container.wasFilled = true;
  const now = items.map((item) => {
    const name = key(item);
    const mark = JSON.stringify(item);
    const old = before.get(name);
    if (old && old.mark === mark) return old;
    const element = render(item, old);
    element.key = name;
    element.mark = mark;
    if (!isFirst && !old) element.classList.add("is-new");
    return element;
  });
  const same = now.length === container.children.length && now.every((child, n) => child === container.children[n]);
  if (!same) container.replaceChildren(...now);
}

/** The items by what `key` says of them, in the order in which they come. */
function by(items, key) {
  const groups = new Map();
  for (const item of items) {
    const name = key(item);
    if (groups.has(name)) groups.get(name).push(item);
    else groups.set(name, [item]);
  }
  return groups;
}

/** A text as a sentence; what it has between backticks is code. */
function prose(text) {
  const whole = text ? text[0].toUpperCase() + text.slice(1) : "";
  return whole.split("`").map((part, n) => (n % 2 === 1 ? make("code", {}, part) : part));
}

// Times and places

function clock(text, withSeconds = false) {
  const date = new Date(text);
  const options = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  if (withSeconds) options.second = "2-digit";
  if (date.toDateString() !== new Date().toDateString()) Object.assign(options, { day: "numeric", month: "short" });
  return date.toLocaleString("en-GB", options);
}

function time(text, withSeconds = false) {
  return make("time", { dateTime: text, title: text }, clock(text, withSeconds));
}

function count(number, what) {
  return `${number.toLocaleString("en")} ${what}${number === 1 ? "" : "s"}`;
}

function place(source) {
  return source ? `${source.file}:${source.line}` : "";
}

/** The parts of an address: the group that it is shown in, and what it is called there. */
function parts(address) {
  const [, kind, rest] = /^([^.]*)\.(.*)$/s.exec(address) ?? [null, "", address];
  const [first, second, ...tail] = rest.split("/");
  const name = tail.join("/");
  return kind === "connection_template"
    ? { group: `${first} / ${second}`, kind: "connection templates", one: "connection template", name }
    : { group: second, kind: `auth scheme configs of the ${first}`, one: `auth scheme config of the ${first}`, name };
}

// Differences

function shown(value) {
  if (value === null) return "(none)";
  if (Array.isArray(value)) return `[${value.map(shown).join(", ")}]`;
  return typeof value === "string" && value.includes("\n") ? value : JSON.stringify(value);
}

function valueLine(tone, mark, word, value) {
  return make("div", { className: "value", tone }, make("span", {}, mark), make("span", {}, word), make("code", {}, shown(value)));
}

/** The fields that differ. `words` say what the value before is, and the one after. What is new had none before. */
function diff(fields, words) {
  const isNew = fields.every((field) => field.before === null);
  return make("div", { className: "diff" }, ...fields.map((field) => make("div", {},
    make("div", { className: "field" }, make("code", {}, field.path), make("span", {}, CAUSES[field.cause] ?? "")),
    field.sensitive
      ? make("p", { className: "secret" }, "a secret that differs; it is not shown")
      : make("div", { className: "values" },
        isNew ? null : valueLine("bad", "−", words[0], field.before),
        valueLine("good", "+", words[1], field.after)))));
}

function badge(state) {
  const [word, tone, name] = STATES[state];
  return make("span", { className: state === "in_sync" ? "badge is-plain" : "badge", tone }, sign(name), word);
}

// What needs attention

function card({ tone, icon, word, title, where, since, body }) {
  return make("article", { className: "card", tone },
    make("div", { className: "top" },
      make("span", { className: "badge", tone }, sign(icon), word),
      since ? make("span", { className: "when" }, "since ", time(since)) : null),
    make("h3", {}, make("bdi", {}, title), where ? make("bdi", { className: "where" }, where) : null),
    ...body.filter((part) => part !== null));
}

function titleOf(address) {
  const { group, one, name } = parts(address);
  return { title: name, where: `${one}, ${group}` };
}

function todo(...content) {
  return make("p", { className: "todo" }, ...content);
}

function failingCard({ failing, last_completed_pass: last }) {
  return card({
    tone: "bad", icon: "cross", word: "no pass", title: "No pass can be made", since: failing.since,
    body: [
      make("p", {}, ...prose(failing.error)),
      failing.help ? todo(...prose(failing.help)) : null,
      make("p", { className: "hint" }, "It is tried again with growing pauses. ",
        ...(last ? ["What is below is what the pass of ", time(last.ended_at), " found."] : [])),
    ],
  });
}

/** What is wrong in one file, in one card. */
function problemCard(problems) {
  const [{ severity, file, line, column }] = problems;
  const isBroken = severity === "error";
  const where = ({ line, column }) => (line === null ? "" : `${line}:${column}`);
  const title = problems.length === 1 && file ? [file, line, column].filter((part) => part !== null).join(":") : file;
  return card({
    tone: isBroken ? "bad" : "attention",
    icon: isBroken ? "cross" : "warning",
    word: isBroken ? (file ? "broken file" : "problem") : "warning",
    title: title ?? "Outside the files",
    body: [
      ...(problems.length === 1
        ? [make("p", {}, ...prose(problems[0].message))]
        : [make("ul", {}, ...problems.map((problem) => make("li", {},
          make("code", { className: "at" }, where(problem)), " ", ...prose(problem.message))))]),
      isBroken && file ? todo("What the file declared last stays as it is, and nothing is deleted until it is mended.") : null,
    ],
  });
}

/** What is held for one reason, in one card. */
function heldCard({ reason, items, hash }) {
  const approvable = hash !== null && items.some((item) => item.approvable);
  const list = items.slice(0, CARDS).map((item) => make("li", {},
    make("bdi", { className: "mono" }, item.address), ` ${ACTIONS[item.action][1]}`));
  const rest = items.length - list.length;
  const fields = items.length === 1 ? items[0].fields : [];
  return card({
    tone: "attention", icon: "pause", word: "held", title: items.length === 1 ? titleOf(items[0].address).title : count(items.length, "resource"),
    where: items.length === 1 ? `${titleOf(items[0].address).where}, ${ACTIONS[items[0].action][1]}` : "", since: items[0].since,
    body: [
      make("p", {}, ...prose(reason)),
      items.length === 1 ? null : make("ul", {}, ...list, rest > 0 ? make("li", { className: "hint" }, `and ${rest} more`) : null),
      fields.length > 0 && items[0].action !== "delete" ? diff(fields, ["live", "declared"]) : null,
      approvable ? todo("To let exactly this through, once:", make("code", { className: "command" }, `versync approve ${hash}`)) : null,
    ],
  });
}

function resourceCard(resource, writes) {
  const [word, tone, icon] = STATES[resource.state];
  const isGone = resource.state === "drifted" && resource.fields.every((field) => field.before === null && !field.sensitive);
  const where = [titleOf(resource.address).where, place(resource.source)].filter(Boolean).join(" · ");
  const what = {
    failed: () => [make("p", {}, ...prose(resource.reason))],
    drifted: () => [
      make("p", {}, isGone ? "It was deleted on the platform." : "It was changed on the platform, not in the files."),
      todo(writes
        ? `Only reported here. Take the change over into ${place(resource.source)}, or undo it on the platform.`
        : "Nothing is written in this mode."),
    ],
    pending: () => [make("p", {}, `It ${ACTIONS[resource.action][1]}; nothing is written in this mode.`)],
    reported: () => [make("p", {}, ...prose(resource.reason))],
    unknown: () => [make("p", {}, "It could not be compared, because of a problem above.")],
  }[resource.state]();
  const shows = resource.fields && resource.fields.length > 0 && !isGone && resource.state !== "reported";
  return card({
    tone, icon, word, title: titleOf(resource.address).title, where, since: resource.since,
    body: [...what, shows ? diff(resource.fields, ["live", "declared"]) : null],
  });
}

function drawAttention(status) {
  const since = new Map([...status.drifted.filter((note) => !note.reverted), ...status.held].map((note) => [note.address, note.since]));
  const inState = (state) => status.resources.filter((resource) => resource.state === state)
    .map((resource) => ({ ...resource, since: since.get(resource.address) }));
  const items = [];
  if (status.failing) items.push({ key: "failing", draw: failingCard, of: { failing: status.failing, last_completed_pass: status.last_completed_pass } });
  const add = (state) => inState(state).forEach((resource) =>
    items.push({ key: resource.address, draw: (of) => resourceCard(of, status.daemon.writes), of: resource }));
  const addProblems = (severity) => by(status.problems.filter((problem) => problem.severity === severity), (problem) => problem.file ?? problem.message)
    .forEach((problems, where) => items.push({ key: `${severity} ${where}`, draw: problemCard, of: problems }));
  add("failed");
  addProblems("error");
  by(inState("held"), (item) => item.reason).forEach((held, reason) => items.push({ key: `held ${reason}`, draw: heldCard, of: { reason, items: held, hash: status.daemon.takes_approvals ? status.last_completed_pass?.hash : null } }));
  ["drifted", "pending", "unknown", "reported"].forEach(add);
  addProblems("warning");
  hide(at("attention"), items.length === 0);
  const visible = items.slice(0, more.cards);
  keep(at("cards"), visible, (item) => item.key, (item) => item.draw(item.of));
  moreButton(at("attention"), items.length - visible.length, () => { more.cards += CARDS; drawAttention(status); });
}

/** A button below a list that shows more of it, as long as there is more. */
function moreButton(container, left, onClick) {
  let button = container.querySelector(":scope > button.more");
  if (left === 0) {
    button?.remove();
    return;
  }
  if (!button) {
    button = make("button", { className: "more", type: "button" });
    container.append(button);
  }
  button.onclick = onClick;
  say(button, `Show more (${left.toLocaleString("en")})`);
}

// Resources

function row(resource) {
  const { name } = parts(resource.address);
  return make("div", { className: "row", title: resource.address },
    make("div", { className: "line" },
      make("div", { className: "thing" }, make("bdi", { className: "mono" }, name), make("bdi", { className: "source mono" }, place(resource.source))),
      badge(resource.state)));
}

function countsOf(resources) {
  const counts = {};
  for (const { state } of resources) counts[state] = (counts[state] ?? 0) + 1;
  return Object.keys(STATES).filter((state) => counts[state]).map((state) => [state, counts[state]]);
}

function fillGroup(details, resources) {
  const limit = details.limit ?? ROWS;
  const rows = details.open ? resources.slice(0, limit).map(row) : [];
  details.replaceChildren(details.firstElementChild, ...rows);
  if (details.open) moreButton(details, resources.length - rows.length, () => { details.limit = limit + ROWS; fillGroup(details, resources); });
}

function group({ name, kind, resources }, old, isOpen) {
  const counts = countsOf(resources).map(([state, number]) => {
    const [word, tone, icon] = STATES[state];
    return make("span", { className: "badge", tone }, sign(icon), `${number.toLocaleString("en")} ${word}`);
  });
  const what = make("span", { className: "what" }, make("bdi", { className: "name" }, name), make("span", { className: "kind" }, kind));
  const summary = make("summary", {}, what, make("span", { className: "counts" }, ...counts));
  // The element stays, and with it whether it is open and where the focus is.
  const details = old ?? make("details", { className: "group" });
  if (old) details.firstElementChild.replaceChildren(...summary.childNodes);
  else details.append(summary);
  if (!old) details.open = isOpen;
  fillGroup(details, resources);
  details.ontoggle = () => fillGroup(details, resources);
  return details;
}

function drawResources(status) {
  const text = at("search").value.trim().toLowerCase();
  const isWanted = (resource) => (!only || resource.state === only)
    && (!text || resource.address.toLowerCase().includes(text) || place(resource.source).toLowerCase().includes(text));
  const wanted = status.resources.filter(isWanted);
  const isFiltered = only !== null || text !== "";
  const groups = by(wanted, ({ address }) => JSON.stringify([parts(address).group, parts(address).kind]));
  const isOpen = wanted.length <= (isFiltered ? FOUND : FEW);
  const visible = [...groups].slice(0, more.groups).map(([key, resources]) => {
    const [name, kind] = JSON.parse(key);
    return { key, name, kind, resources };
  });
  const container = at("groups");
  // Whether groups are open by themselves changes with the filter; what somebody has opened or closed stays within it.
  const filter = `${only} ${text}`;
  if (container.filter !== filter) container.replaceChildren();
  container.filter = filter;
  keep(container, visible, (item) => item.key, (item, old) => group(item, old, isOpen));
  moreButton(at("resources"), groups.size - visible.length, () => { more.groups += ROWS; drawResources(status); });
  const all = status.resources.length;
  say(at("found"), isFiltered ? `${wanted.length.toLocaleString("en")} of ${count(all, "resource")}` : "");
}

function drawStates(status) {
  const counts = countsOf(status.resources);
  if (only && !counts.some(([state]) => state === only)) only = null;
  const items = [[null, status.resources.length], ...(counts.length > 1 ? counts : [])];
  keep(at("states"), items.map(([state, number]) => ({ state, number, on: state === only })), (item) => item.state, ({ state, number, on }, old) => {
    const [word, tone, icon] = STATES[state] ?? ["all", "calm", null];
    const button = old ?? make("button", { type: "button" });
    button.dataset.tone = tone;
    button.setAttribute("aria-pressed", String(on));
    button.onclick = () => { only = state; draw(); };
    button.replaceChildren(...(icon ? [sign(icon)] : []), `${word[0].toUpperCase()}${word.slice(1)} ${number.toLocaleString("en")}`);
    return button;
  });
}

// History

/** Changes of one sort that were made at once. */
function event({ changes, isCut }) {
  const [{ address, at: when, action, causes, revision, command, source, fields }] = changes;
  const isOne = changes.length === 1;
  const { name, one, group: where } = parts(address);
  const isDrift = causes.includes("drift");
  const about = [
    isDrift ? (causes.includes("manifest") ? "changed on both sides" : "put right after a change on the platform") : "changed in the files",
    isOne ? place(source) : "",
    revision ? `revision ${revision.slice(0, 7)}` : "",
    command === "apply" ? "versync apply" : "",
  ].filter(Boolean);
  const done = ACTIONS[action][0];
  const what = isOne ? [make("bdi", { className: "mono" }, name), done] : [`${isCut ? "At least " : ""}${count(changes.length, "resource")} ${done}`];
  const inside = isOne
    ? (fields.length > 0 ? diff(fields, ["before", "after"]) : null)
    : make("ul", {}, ...changes.map((change) => make("li", {}, make("bdi", { className: "mono" }, change.address))));
  const tone = isDrift ? "attention" : action === "delete" ? "bad" : "calm";
  return make("li", { className: isDrift ? "event drift" : "event", tone },
    make("p", { className: "when" }, time(when, true)),
    inside ? make("details", {}, make("summary", {}, ...what), inside) : make("p", {}, ...what),
    isOne ? make("p", { className: "about" }, make("bdi", {}, `${one}, ${where}`)) : null,
    make("p", { className: "about" }, make("bdi", {}, about.join(" · "))));
}

function drawHistory({ history }) {
  // The passes of one revision are told apart by the second in which they were made.
  const sort = (change) => JSON.stringify([change.action, change.causes, change.revision, change.command]);
  const sameTime = (a, b) => Math.abs(new Date(a.at) - new Date(b.at)) < 2000;
  const items = [];
  for (const change of history) {
    const batch = items.find(({ changes }) => sort(changes[0]) === sort(change) && sameTime(changes.at(-1), change));
    if (batch) batch.changes.push(change);
    else items.push({ changes: [change] });
  }
  if (history.length >= HISTORY) items.at(-1).isCut = true;
  hide(at("no-events"), items.length > 0);
  const visible = items.slice(0, more.changes);
  // Named by its oldest change: newer ones are added to it.
  const key = ({ changes }) => `${changes.at(-1).at} ${changes.at(-1).address}`;
  keep(at("events"), visible, key, event);
  moreButton(at("history"), items.length - visible.length, () => { more.changes += CHANGES; drawHistory({ history }); });
}

// The top

function drawTop(status) {
  const { tone, text: plain } = hangs ? { tone: "bad", text: "The daemon hangs" } : status.headline;
  const text = plain.replace(/\d{4,}/g, (number) => Number(number).toLocaleString("en"));
  document.body.dataset.tone = tone;
  say(at("sentence"), text);
  document.title = lostSince ? "No connection · versync" : `${text} · versync`;
  if (at("sign").dataset.name !== TONE_SIGNS[tone]) at("sign").replaceChildren(sign(TONE_SIGNS[tone]));
  at("sign").dataset.name = TONE_SIGNS[tone];
  const all = status.resources.length;
  const good = status.counts.in_sync ?? 0;
  say(at("in-sync"), all > 0 ? `${good.toLocaleString("en")} of ${all.toLocaleString("en")}` : "–");
  say(at("mode"), status.daemon.writes ? "Enforcing" : "Reporting only");
  say(at("version"), `versync ${status.daemon.version}, since ${clock(status.daemon.started_at)}`);
  drawTimes(status);
  const share = at("share");
  hide(share, all === 0);
  const counts = countsOf(status.resources).reverse();
  share.setAttribute("aria-label", counts.map(([state, number]) => `${number} ${STATES[state][0]}`).join(", "));
  keep(share, counts, ([state]) => state, ([state, number]) => {
    const part = make("span", { tone: STATES[state][1] });
    part.style.flexGrow = number;
    return part;
  });
}

function drawTimes({ failing, last_pass: last, last_completed_pass: made, next_pass_at: next }) {
  const revision = made?.revision;
  say(at("revision"), revision ? revision.slice(0, 7) : "none");
  at("revision").title = revision ?? "The folder is in no git repository";
  say(at("checked"), made ? clock(made.ended_at, true) : "not yet");
  say(at("next"), next ? clock(next, true) : "now");
  say(at("detail"), !failing ? "" : [
    `Since ${clock(failing.since)}`, made ? `last good pass ${clock(made.ended_at)}` : "no pass was made yet",
    last ? `tried ${clock(last.ended_at, true)}` : "",
  ].filter(Boolean).join(" · "));
}

function draw() {
  if (!status) return;
  drawTop(status);
  drawAttention(status);
  drawStates(status);
  drawResources(status);
  drawHistory(status);
}

// The connection

let status = null;
let only = null;
let more = { cards: CARDS, groups: ROWS, changes: CHANGES };
let lostSince = null;
let hangs = false;
let heardAt = Date.now();
let brokenAt = null;
let source = null;
let asking = false;
let wanted = null;

/** Asks for everything, until what is shown is what the events last named. */
async function ask() {
  if (asking) return;
  asking = true;
  try {
    while (wanted && status?.generation !== wanted) {
      wanted = null;
      const answer = await fetch("status", { cache: "no-store" });
      if (!answer.ok) throw new Error(`/status answered ${answer.status}`);
      status = await answer.json();
      draw();
    }
  } catch {
    // The next event asks again; that there is none shows by itself.
    status = status && { ...status, generation: null };
  }
  asking = false;
}

function heard() {
  heardAt = Date.now();
  brokenAt = null;
  if (lostSince) {
    lostSince = null;
    drawLost();
  }
}

function drawLost() {
  const lost = at("lost");
  document.body.classList.toggle("is-lost", lostSince !== null);
  hide(lost, lostSince === null);
  if (lostSince) {
    lost.replaceChildren("No connection to versync since ", time(lostSince, true), ". What is below is from then. Trying again…");
    document.title = "No connection · versync";
  } else if (status) {
    drawTop(status);
  }
}

function connect() {
  source?.close();
  source = new EventSource("events");
  source.addEventListener("pass", (message) => {
    heard();
    const pulse = JSON.parse(message.data);
    if (status && status.daemon.version !== pulse.version) {
      // Another version serves another page.
      location.reload();
      return;
    }
    if (status && status.generation === pulse.generation) {
      Object.assign(status, { last_pass: pulse.last_pass, last_completed_pass: pulse.last_completed_pass, next_pass_at: pulse.next_pass_at });
      drawTimes(status);
    } else {
      wanted = pulse.generation;
      ask();
    }
  });
  source.addEventListener("alive", (message) => {
    heard();
    const now = !JSON.parse(message.data).healthy;
    if (hangs !== now) {
      hangs = now;
      draw();
    }
  });
  source.onerror = () => {
    brokenAt ??= Date.now();
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, GRACE);
  };
}

setInterval(() => {
  const isSilent = Date.now() - heardAt > SILENCE;
  const isBroken = brokenAt !== null && Date.now() - brokenAt > GRACE;
  if ((isSilent || isBroken) && !lostSince) {
    lostSince = new Date(brokenAt ?? heardAt).toISOString();
    drawLost();
  }
  if (isSilent && source.readyState === EventSource.OPEN) {
    heardAt = Date.now();
    connect();
  }
}, 500);

at("search").addEventListener("input", () => status && drawResources(status));
connect();
