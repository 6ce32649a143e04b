// What the page is made of. Everything that comes from outside becomes text, never markup.

/** The states in the order of how much they matter, each with its word, its tone and its sign. */
export const STATES = {
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

export const ACTIONS = {
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

export const at = (id) => document.getElementById(id);

/** An element with these properties; `children` are elements and texts. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "tone") element.dataset.tone = value;
    else if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

export function sign(name) {
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
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Hides an element, or shows it, where it is not so already. */
export function hide(element, isHidden) {
  if (element.hidden !== isHidden) element.hidden = isHidden;
}

/** Makes the children of a container those of the items, and keeps each one whose item is the same as before. */
export function keep(container, items, key, render) {
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
export function by(items, key) {
  const groups = new Map();
  for (const item of items) {
    const name = key(item);
    if (groups.has(name)) groups.get(name).push(item);
    else groups.set(name, [item]);
  }
  return groups;
}

/** A text as a sentence; what it has between backticks is code. */
export function prose(text) {
  const whole = text ? text[0].toUpperCase() + text.slice(1) : "";
  return whole.split("`").map((part, n) => (n % 2 === 1 ? make("code", {}, part) : part));
}

// Times and places

export function clock(text, withSeconds = false) {
  const date = new Date(text);
  const options = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  if (withSeconds) options.second = "2-digit";
  if (date.toDateString() !== new Date().toDateString()) Object.assign(options, { day: "numeric", month: "short" });
  return date.toLocaleString("en-GB", options);
}

export function time(text, withSeconds = false) {
  return make("time", { dateTime: text, title: text }, clock(text, withSeconds));
}

export function count(number, what) {
  return `${number.toLocaleString("en")} ${what}${number === 1 ? "" : "s"}`;
}

export function place(source) {
  return source ? `${source.file}:${source.line}` : "";
}

/** The parts of an address: the group that it is shown in, and what it is called there. */
export function parts(address) {
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
export function diff(fields, words) {
  const isNew = fields.every((field) => field.before === null);
  return make("div", { className: "diff" }, ...fields.map((field) => make("div", {},
    make("div", { className: "field" }, make("code", {}, field.path), make("span", {}, CAUSES[field.cause] ?? "")),
    field.sensitive
      ? make("p", { className: "secret" }, "a secret that differs; it is not shown")
      : make("div", { className: "values" },
        isNew ? null : valueLine("bad", "−", words[0], field.before),
        valueLine("good", "+", words[1], field.after)))));
}

export function badge(state) {
  const [word, tone, name] = STATES[state];
  return make("span", { className: state === "in_sync" ? "badge is-plain" : "badge", tone }, sign(name), word);
}

/** A button below a list that shows more of it, as long as there is more. */
export function moreButton(container, left, onClick) {
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

/** How many resources are in each state that some are in. */
export function countsOf(resources) {
  const counts = {};
  for (const { state } of resources) counts[state] = (counts[state] ?? 0) + 1;
  return Object.keys(STATES).filter((state) => counts[state]).map((state) => [state, counts[state]]);
}
