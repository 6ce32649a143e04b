// The sections below the top: what needs attention, the resources, and the history.

import { ACTIONS, STATES, at, badge, by, count, countsOf, diff, hide, keep, make, moreButton, parts, place, prose, say, sign, time } from "./elements.js";

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

/** The only state whose resources are shown, if it is not every one. */
let only = null;

/** How much is shown of each list now. */
const more = { cards: CARDS, groups: ROWS, changes: CHANGES };

/** Draws everything below the top. */
export function drawSections(status) {
  drawAttention(status);
  drawStates(status);
  drawResources(status);
  drawHistory(status);
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
  // Of a secret the value before is never told.
  const shown = (resource.fields ?? []).filter((field) => !field.sensitive);
  const isGone = resource.state === "drifted" && shown.length > 0 && shown.every((field) => field.before === null);
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

// Resources

function row(resource) {
  const { name } = parts(resource.address);
  return make("div", { className: "row", title: resource.address },
    make("div", { className: "line" },
      make("div", { className: "thing" }, make("bdi", { className: "mono" }, name), make("bdi", { className: "source mono" }, place(resource.source))),
      badge(resource.state)));
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

/** Draws the resources that are looked for. */
export function drawResources(status) {
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
    button.onclick = () => { only = state; drawSections(status); };
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
