"use strict";
// Steps through the episodes. What is shown is in the address too: #episode=2&step=3, both counted from 1.
const byId = (id) => document.getElementById(id);
window.addEventListener("error", (event) => {
  byId("problem").hidden = false;
  byId("problem").textContent = `This page's script failed: ${event.message}`;
});

const recordings = [...document.querySelectorAll(".recording")];
const read = new Map(); // recordings are large: each is parsed when it is first looked at
let episode = 0, step = 0, shown = -1, timer = null;

function recording() {
  if (!read.has(episode)) read.set(episode, JSON.parse(recordings[episode].textContent));
  return read.get(episode);
}

// What can be shown of an episode: every step, and how it ended.
function scenes() {
  const { steps, end } = recording();
  return end ? [...steps, end] : steps;
}

function element(name, text = "", className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

function clamp(value, count) {
  return Math.min(Math.max(Number.isFinite(value) ? value : 0, 0), count - 1);
}

function bar(share) {
  const cell = element("td", "", "plot");
  cell.setAttribute("aria-hidden", "true");
  cell.append(element("div", "", "bar"));
  cell.firstChild.append(element("i"));
  cell.firstChild.firstChild.style.width = `${100 * share}%`;
  return cell;
}

// A piece of the picture that differs from the episode's first one, laid over it.
function patch({ x, y, width, picture }) {
  const image = element("img");
  image.alt = "";
  image.decoding = "sync"; // or the first picture would flash through
  image.src = `data:image/webp;base64,${picture}`;
  Object.assign(image.style, { left: `${100 * x}%`, top: `${100 * y}%`, width: `${100 * width}%` });
  return image;
}

function showEpisode(replay) {
  byId("base").src = `data:image/webp;base64,${replay.picture}`;
  [byId("base").width, byId("base").height] = replay.size;
  byId("words").replaceChildren(...replay.words.flatMap((word) => [element("span", word), " "]));
  byId("slider").max = scenes().length;
  [...byId("list").querySelectorAll("button")].forEach((button, index) => {
    if (index === episode) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  });
  // Only the list is scrolled: scrollIntoView() would move the whole page when it opens.
  const list = byId("list").getBoundingClientRect();
  const current = byId("list").children[episode].getBoundingClientRect();
  if (current.top < list.top || current.bottom > list.bottom) byId("list").scrollTop += current.top - list.top;
}

// Rows of names and shares: one is in bold, some are tagged.
function showShares(table, rows, tag) {
  table.tBodies[0].replaceChildren(...rows.map(({ name, share, bold, tagged }) => {
    const row = element("tr", "", bold ? "taken" : "");
    const head = element("th", `${name} `);
    head.scope = "row";
    if (tagged) head.append(element("span", tag, "tag"));
    row.append(head, element("td", `${(100 * share).toFixed(1)} %`), bar(share));
    return row;
  }));
}

function show() {
  const replay = recording();
  step = clamp(step, scenes().length);
  const frame = scenes()[step], ended = frame === replay.end;
  if (shown !== episode) showEpisode(replay);
  shown = episode;
  byId("patches").replaceChildren(...frame.patches.map(patch));
  byId("base").alt = ended ? "What there was to see at the end"
    : `What there was to see at step ${step + 1}, before the move ${frame.taken}`;
  byId("slider").value = step + 1;
  byId("count").textContent = ended ? "end" : `${step + 1} of ${replay.steps.length}`;
  const most = Math.max(...(frame.attention ?? []), 1e-9);
  byId("words").querySelectorAll("span").forEach((word, index) => {
    const share = frame.attention ? frame.attention[index] : 0;
    word.style.setProperty("--share", (share / most).toFixed(3));
    word.title = frame.attention ? `attention ${(100 * share).toFixed(1)} %` : "";
  });
  byId("moves").hidden = ended;
  if (!ended) showShares(byId("moves"), frame.moves, "expert");
  if (frame.belief) {
    const likeliest = frame.belief.indexOf(Math.max(...frame.belief));
    showShares(byId("belief"), replay.answers.map((name, index) => (
      { name, share: frame.belief[index], bold: index === likeliest, tagged: index === frame.truth }
    )), "right");
  }
  const left = replay.answers.length ? "surprise in nats" : "distance to go";
  const facts = ended ? { "outcome": frame.outcome, [left]: frame.error }
    : { [frame.moves.length ? "move taken" : "looks next at"]: frame.taken, [left]: frame.error, "value": frame.value };
  byId("state").replaceChildren(...Object.entries(facts).filter(([, fact]) => fact !== null).map(([name, fact]) => {
    const line = element("div");
    line.append(element("dt", name), element("dd", fact));
    return line;
  }));
  history.replaceState(null, "", `#episode=${episode + 1}&step=${step + 1}`);
}

function go(toEpisode, toStep) {
  episode = clamp(toEpisode, recordings.length);
  step = Math.max(toStep, 0);
  show();
}

function pause() {
  clearInterval(timer);
  timer = null;
  byId("play").textContent = "Play";
}

function play() {
  if (timer !== null) return pause();
  if (step === scenes().length - 1) go(episode, 0);
  byId("play").textContent = "Pause";
  timer = setInterval(() => {
    go(episode, step + 1);
    if (step === scenes().length - 1) pause();
  }, 350);
}

function follow() {
  const place = new URLSearchParams(location.hash.slice(1));
  go(Number(place.get("episode") ?? 1) - 1, clamp(Number(place.get("step") ?? 1) - 1, Infinity));
}

if (recordings.length) {
  const keys = {
    ArrowLeft: () => go(episode, step - 1),
    ArrowRight: () => go(episode, step + 1),
    p: () => go(episode - 1, 0),
    n: () => go(episode + 1, 0),
  };
  byId("back").addEventListener("click", keys.ArrowLeft);
  byId("on").addEventListener("click", keys.ArrowRight);
  byId("play").addEventListener("click", play);
  byId("slider").addEventListener("input", (event) => go(episode, event.target.value - 1));
  byId("list").querySelectorAll("button").forEach((button, index) => button.addEventListener("click", () => go(index, 0)));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in keys)) return;
    event.preventDefault();
    keys[event.key]();
  });
  window.addEventListener("hashchange", follow);
  follow();
}
