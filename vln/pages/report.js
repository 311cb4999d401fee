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
  if (replay.picture) {
    byId("base").src = `data:image/webp;base64,${replay.picture}`;
    [byId("base").width, byId("base").height] = replay.size;
  }
  byId("words").replaceChildren(...replay.words.flatMap((word) => [element("span", word), " "]));
  byId("words").hidden = !replay.words.length;
  if (replay.shown === "text") showText(replay);
  if (replay.shown === "columns") showColumns(replay);
  byId("cut").hidden = replay.whole === replay.steps.length;
  byId("cut").textContent = `The first ${replay.steps.length} of ${replay.whole} steps.`;
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

// A text, every character on ground that shows how much it surprised; the first was given and surprised nobody.
function showText(replay) {
  const hottest = Number(byId("text").dataset.most);
  byId("text").replaceChildren(...[...replay.text].flatMap((character, place) => {
    const shown = element("span", character === "\n" ? "↵" : character === "\t" ? "⇥" : character);
    shown.style.setProperty("--share", Math.min(replay.nats[place] / hottest, 1).toFixed(3));
    shown.title = place ? `${replay.nats[place].toFixed(2)} nats` : "given";
    if (place) {
      shown.addEventListener("mouseenter", () => showStep(replay, replay.steps[place - 1], place - 1));
      shown.addEventListener("click", () => go(episode, place - 1));
    }
    return character === "\n" ? [shown, "\n"] : character === "\t" ? [shown, "\t"] : [shown];
  }));
}

// A column a step: what was given, what was answered and what was right.
function showColumns(replay) {
  const line = (name, text, kind = () => "") => {
    const row = element("tr"), head = element("th", name);
    head.scope = "row";
    row.append(head, ...replay.steps.map((step, place) => {
      const cell = element("td", text(step), kind(step));
      cell.addEventListener("click", () => go(episode, place));
      return cell;
    }));
    return row;
  };
  const inputs = replay.steps[0].input.map((_, number, all) => (
    line(all.length > 1 ? `input ${number + 1}` : "input", (step) => step.input[number])
  ));
  const graded = ({ good }) => good === null ? "" : good ? "good" : "bad";
  byId("columns").querySelector("tbody").replaceChildren(
    line("step", (step) => replay.steps.indexOf(step) + 1, () => "quiet"), ...inputs,
    line("answered", ({ answered }) => answered, graded), line("right", ({ truth }) => truth));
}

// Rows of names and shares: one is in bold, some are tagged.
function showShares(table, rows, tag) {
  table.tBodies[0].replaceChildren(...rows.map(({ name, share, bold, tagged, rest }) => {
    const row = element("tr", "", bold ? "taken" : rest ? "quiet" : "");
    const head = element("th", `${name} `);
    head.scope = "row";
    if (tagged) head.append(element("span", tag, "tag"));
    row.append(head, element("td", `${(100 * share).toFixed(1)} %`), bar(share));
    return row;
  }));
}

// Alternatives as rows; a number below 0 says how many others there are.
function rows(alternatives, names, right, bold) {
  return alternatives.map(([number, share]) => number < 0 ? { name: `${-number} others`, share, rest: true } : (
    { name: names[number], share, tagged: right.includes(number), bold: bold.includes(number) }
  ));
}

// What was done at a step: the names of what was chosen, and the numbers.
function action(frame, names) {
  return [...frame.taken.map((number) => names[number]), ...(frame.point ? [frame.point] : [])].join(", ");
}

// What the agent made of a step.
function showStep(replay, frame, place) {
  const ended = frame === replay.end;
  byId("moves").hidden = ended;
  const names = frame.signs ?? replay.names, labels = replay.labels, drawn = replay.shown === "picture";
  if (!ended) showShares(byId("moves"), rows(frame.moves, names, frame.right ?? [], frame.taken), labels.tag);
  if (frame.belief) {
    showShares(byId("belief"), rows(frame.belief, replay.answers, [frame.truth], [frame.belief[0][0]]), "right");
  }
  const facts = ended ? { "outcome": frame.outcome } : drawn
    ? { [frame.taken.length ? "move taken" : "looks next at"]: action(frame, names) } : {};
  if (frame.left !== undefined) facts[labels.left] = frame.left;
  if (frame.value !== undefined) facts[labels.value] = frame.value;
  if (replay.nats) facts["surprise"] = `${replay.nats[place + 1].toFixed(2)} nats`;
  if (replay.shown === "columns") Object.assign(facts, { "answered": frame.answered, "right": frame.truth || "nothing asked" });
  byId("state").replaceChildren(...Object.entries(facts).map(([name, fact]) => {
    const line = element("div");
    line.append(element("dt", name), element("dd", fact));
    return line;
  }));
}

// What is where at a step: the picture, the words, the place in a text.
function showPlace(replay, frame) {
  const ended = frame === replay.end, most = Math.max(...(frame.attention ?? []), 1e-9);
  byId("words").querySelectorAll("span").forEach((word, index) => {
    const share = frame.attention ? frame.attention[index] : 0;
    word.style.setProperty("--share", (share / most).toFixed(3));
    word.title = frame.attention ? `attention ${(100 * share).toFixed(1)} %` : "";
  });
  if (replay.shown === "picture") {
    byId("patches").replaceChildren(...frame.patches.map(patch));
    byId("base").alt = ended ? "What there was to see at the end"
      : `What there was to see at step ${step + 1}, before the move ${action(frame, frame.signs ?? replay.names)}`;
  } else if (replay.shown === "sentence") {
    byId("base").alt = "The path that is told of";
    byId("said").replaceChildren(...replay.steps.slice(0, step + 1).flatMap(({ taken: [taken], moves }, place) => {
      const word = element("span", replay.names[taken], place === step ? "now" : "");
      word.title = `${(100 * moves.find(([number]) => number === taken)[1]).toFixed(1)} %`;
      return [word, " "];
    }));
  } else if (replay.shown === "text") {
    byId("text").querySelectorAll("span").forEach((shown, place) => shown.classList.toggle("now", place === step + 1));
  } else {
    const cells = byId("columns").querySelectorAll("td");
    cells.forEach((cell) => cell.classList.toggle("now", cell.cellIndex === step + 1));
    const box = byId("columns"), now = cells[step];
    box.scrollLeft = now.offsetLeft - box.clientWidth / 2;
  }
}

function show() {
  const replay = recording();
  step = clamp(step, scenes().length);
  const frame = scenes()[step];
  if (shown !== episode) showEpisode(replay);
  shown = episode;
  byId("slider").value = step + 1;
  byId("count").textContent = frame === replay.end ? "end" : `${step + 1} of ${replay.steps.length}`;
  showPlace(replay, frame);
  showStep(replay, frame, step);
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
