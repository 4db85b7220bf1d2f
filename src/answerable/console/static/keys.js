// The keyboard: rows with j and k, pages with g and a letter, Ctrl-K to find an id, ? for the list.
"use strict";

(() => {
  const help = document.getElementById("help");
  const box = document.getElementById("jump-box");
  const isOn = document.getElementById("keys-on");
  const pages = new Map([...document.querySelectorAll("[data-key]")].map((a) => [a.dataset.key, a]));
  let here = ""; // the id of the row we are on: rows are swapped, their ids stay
  let isGoing = false;

  isOn.checked = localStorage.getItem("keys") !== "off";
  isOn.addEventListener("change", () => localStorage.setItem("keys", isOn.checked ? "on" : "off"));

  document.getElementById("help-places").textContent =
    [...pages].map(([key, a]) => `${key} ${a.firstElementChild.textContent.toLowerCase()}`).join(", ");

  document.querySelector(".nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

  const opener = document.getElementById("help-open");
  opener.hidden = false;
  opener.addEventListener("click", () => help.showModal());

  const rows = () => [...document.querySelectorAll(".row")];

  function mark(row, isMove) {
    for (const other of document.querySelectorAll(".row.here")) other.classList.remove("here");
    if (!row) return;
    here = row.id;
    row.classList.add("here");
    if (!isMove) return;
    row.scrollIntoView({ block: "nearest" });
    row.querySelector("a[href]")?.focus({ preventScroll: true });
  }

  function move(by) {
    const all = rows();
    if (!all.length) return;
    const at = all.findIndex((row) => row.id === here);
    mark(all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + by))], true);
  }

  function isTyping(target) {
    return target.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]") != null;
  }

  function press(key) {
    if (isGoing) {
      isGoing = false;
      pages.get(key)?.click();
      return true;
    }
    if (key === "g") { isGoing = true; setTimeout(() => { isGoing = false; }, 1500); return true; }
    if (key === "j") { move(1); return true; }
    if (key === "k") { move(-1); return true; }
    if (key === "?") { help.showModal(); return true; }
    return false;
  }

  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      if (!box.open) box.showModal();
      document.getElementById("jump-id").select();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || !isOn.checked) return;
    if (help.open || box.open || isTyping(event.target)) return;
    if (press(event.key)) event.preventDefault();
  });

  let wasIn = false; // whether a row held the focus before its page was looked at again
  document.addEventListener("htmx:beforeSwap", () => {
    wasIn = document.activeElement?.closest(".row") != null;
  });
  document.addEventListener("htmx:afterSettle", () => {
    if (here) mark(document.getElementById(here), wasIn && document.activeElement === document.body);
  });
})();
