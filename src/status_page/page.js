// Shows what /status says, and asks again whenever /events tells of something new.

import { STATES, at, clock, countsOf, hide, keep, make, say, sign, time } from "./elements.js";
import { drawResources, drawSections } from "./sections.js";

const TONE_SIGNS = { good: "check", attention: "warning", bad: "cross", waiting: "dots" };

/** Without any event for so long, the connection is lost: there is one every ten seconds. */
const SILENCE = 25_000;

/** A connection that is made anew at once is no news. */
const GRACE = 3_000;

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
  say(at("checked"), made ? clock(made.checked_at ?? made.ended_at, true) : "not yet");
  say(at("next"), next ? clock(next, true) : "now");
  say(at("detail"), !failing ? "" : [
    `Since ${clock(failing.since)}`, made ? `last good pass ${clock(made.ended_at)}` : "no pass was made yet",
    last ? `tried ${clock(last.ended_at, true)}` : "",
  ].filter(Boolean).join(" · "));
}

function draw() {
  if (!status) return;
  drawTop(status);
  drawSections(status);
}

// The connection

let status = null;
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
      const answer = await fetch("status", { cache: "no-store" }).then((it) => (it.ok ? it.json() : null), () => null);
      // The next event asks again; that there is none shows by itself.
      if (!answer) return;
      status = answer;
      draw();
    }
  } finally {
    asking = false;
  }
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
