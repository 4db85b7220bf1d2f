// What is live: an EventSource says that something happened; htmx then fetches this same page again
// and swaps what stands in #live. Nothing that a stranger wrote passes through this file.
"use strict";

(() => {
  const QUIET_MS = 250; // a burst of news is one look
  const PAUSE_MS = 1000; // and no more than one look a second
  const AGAIN_MS = 3000; // after a line that was refused

  const state = document.getElementById("link-state");
  const word = document.getElementById("link-word");
  const announce = document.getElementById("announce");
  let timer = 0;
  let looked = 0;
  let isLooking = false;
  let isStale = false;

  const region = () => document.getElementById("live");
  const lead = () => region()?.querySelector("[data-lead]")?.textContent.trim().replace(/\s+/g, " ") ?? "";

  function say(name, text) {
    state.hidden = false;
    state.dataset.state = name;
    word.textContent = text;
  }

  function look() {
    timer = 0;
    if (!region() || document.hidden || isLooking) {
      isStale = true;
      return;
    }
    isStale = false;
    isLooking = true;
    looked = performance.now();
    htmx.trigger(region(), "answerable:news");
  }

  function news() {
    if (timer) return;
    timer = setTimeout(look, Math.max(QUIET_MS, looked + PAUSE_MS - performance.now()));
  }

  function listen(path) {
    const source = new EventSource(path);
    source.addEventListener("open", () => {
      say("live", "Live");
      news(); // what happened between the page and the open line
    });
    source.addEventListener("error", () => {
      say("reconnecting", "Reconnecting");
      if (source.readyState === EventSource.CLOSED) setTimeout(again, AGAIN_MS); // it was refused
    });
    for (const kind of region().dataset.news.split(" ")) source.addEventListener(kind, news);
    return source;
  }

  // A browser has six lines to one host: a page that nobody sees gives its line back.
  let source = null;
  function follow() {
    const path = region()?.dataset.feed;
    if (!path || document.hidden || source) return;
    source = listen(path);
  }
  function again() {
    letGo();
    follow();
    news(); // where the session has ended, the look says so
  }
  function letGo() {
    source?.close();
    source = null;
  }

  // ------------------------------------------------------------------ the chart of the day's hours

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function draw(place) {
    const rows = [...document.querySelectorAll("#hours-table tbody tr")];
    if (!rows.length || typeof uPlot === "undefined") return;
    const number = (row, index) => Number(row.cells[index].dataset.value) || null; // no bar of nothing
    const at = rows.map((row) => Date.parse(row.cells[0].dataset.value) / 1000);
    const line = colour("--line");
    const axis = { stroke: colour("--soft"), grid: { stroke: line, width: 1 }, ticks: { stroke: line } };
    const bars = uPlot.paths.bars({ size: [0.7, 40] });
    const chart = new uPlot({
      width: place.clientWidth || 600,
      height: 200,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      cursor: { drag: { x: false, y: false } },
      legend: { live: true },
      scales: { x: { range: [at[0] - 1800, Math.max(at.at(-1), at[0] + 6 * 3600) + 1800] }, y: { range: (_u, _low, high) => [0, Math.max(high, 4) * 1.1] } },
      axes: [
        { ...axis, values: (_u, ticks) => ticks.map((tick) => new Date(tick * 1000).toISOString().slice(11, 16)) },
        { ...axis, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 50000, 100000] },
      ],
      series: [
        { label: "Hour (UTC)", value: (_u, v) => (v == null ? "–" : new Date(v * 1000).toISOString().slice(11, 16)) },
        { label: "Interactions", stroke: colour("--link"), fill: colour("--link"), paths: bars, points: { show: false } },
        { label: "Handed to people", stroke: colour("--wait"), fill: colour("--wait"), paths: bars, points: { show: false } },
      ],
    }, [at, rows.map((row) => number(row, 1)), rows.map((row) => number(row, 2))], place);
    const resize = new ResizeObserver(() => chart.setSize({ width: place.clientWidth, height: 200 }));
    resize.observe(place);
  }

  // --------------------------------------------------------------- what is drawn where scripts run

  function dress(root) {
    for (const button of root.querySelectorAll("[data-copy]")) button.hidden = !navigator.clipboard;
    for (const place of root.querySelectorAll("[data-hours]")) draw(place);
    count();
  }

  let ahead = 0; // how far the house's clock is ahead of this one's

  function setClock() {
    const now = Number(document.querySelector("[data-now]")?.dataset.now) / 1000;
    if (now) ahead = now - Date.now();
  }

  function count() {
    for (const time of document.querySelectorAll("time[data-until]")) {
      const left = Math.floor((Date.parse(time.dateTime) - Date.now() - ahead) / 1000);
      time.title = time.dateTime;
      time.textContent = left <= 0 ? "now" : `in ${written(left)}`;
    }
  }

  function written(seconds) {
    const minutes = Math.floor(seconds / 60);
    if (minutes >= 2880) return `${Math.floor(minutes / 1440)} days`;
    if (minutes >= 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
    return minutes ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
  }

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(button.dataset.copy);
    const before = button.innerHTML; // ours, with its hidden words
    button.textContent = "Copied";
    announce.textContent = "Copied";
    setTimeout(() => { button.innerHTML = before; }, 1200);
  });

  let before = "";
  document.addEventListener("htmx:beforeSwap", (event) => {
    before = lead();
    if (event.detail.serverResponse.includes('id="live"')) return;
    event.detail.shouldSwap = false;
    if (event.detail.xhr.status < 500) location.reload(); // the session has ended
  });
  document.addEventListener("htmx:afterRequest", () => {
    isLooking = false;
    if (isStale) news();
  });
  document.addEventListener("htmx:afterSettle", () => {
    setClock();
    dress(region() ?? document);
    if (lead() !== before) announce.textContent = lead();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return letGo();
    follow();
  });
  addEventListener("pagehide", letGo);
  addEventListener("pageshow", follow);

  setClock();
  dress(document);
  setInterval(count, 1000);
  follow();
})();
