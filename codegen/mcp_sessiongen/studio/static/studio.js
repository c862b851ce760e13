// Keeps a page as the store is: times run on each second, and every few seconds the page is asked for anew and what
// changed in it is changed here, so that focus, selection and place stay. Without this script pages work the same, but
// stand still. It rests while nobody looks, and where its switch says so.
"use strict";

(() => {
  const region = () => document.getElementById("live");
  const switcher = document.getElementById("live-switch");
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  if (!region() || !switcher) return;

  // --- times, as words.py writes them ---
  const UNITS = [[86400, "d", 3600, "h"], [3600, "h", 60, "m"], [60, "m", 1, "s"]];
  const duration = (seconds) => {
    const left = Math.max(0, Math.round(seconds));
    for (const [size, unit, smaller, smallUnit] of UNITS) {
      if (left >= size) return `${Math.floor(left / size)}${unit} ${String(Math.floor((left % size) / smaller)).padStart(2, "0")}${smallUnit}`;
    }
    return `${left}s`;
  };
  let ahead = 0; // of this machine's clock, the store's
  const setClock = () => {
    const now = Number(region().dataset.now);
    if (now) ahead = now - Date.now() / 1000;
  };
  const tick = () => {
    const now = Date.now() / 1000 + ahead;
    for (const one of region().querySelectorAll("time[data-until]")) {
      const left = Number(one.dataset.until) - now;
      write(one, left > 0 ? duration(left) : "over");
      one.classList.toggle("soon", left < 60);
    }
    for (const one of region().querySelectorAll("time[data-since]")) write(one, duration(now - Number(one.dataset.since)));
  };
  const write = (element, text) => {
    if (element.textContent !== text) element.textContent = text;
  };

  // --- what changed, put into the page that is there ---
  const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.dataset?.key || node.id : "") || "";
  const alike = (one, other) => one.nodeType === other.nodeType && one.nodeName === other.nodeName && keyOf(one) === keyOf(other);
  const sync = (old, fresh) => {
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
      return;
    }
    if (old.dataset?.watch && old.textContent !== fresh.textContent) flash(old);
    for (const { name } of [...old.attributes]) if (name !== "open" && !fresh.hasAttribute(name)) old.removeAttribute(name);
    for (const { name, value } of fresh.attributes) if (name !== "open" && old.getAttribute(name) !== value) old.setAttribute(name, value);
    let place = old.firstChild;
    for (const wanted of [...fresh.childNodes]) {
      let found = place;
      while (found && !alike(found, wanted)) found = found.nextSibling;
      if (!found) {
        old.insertBefore(document.importNode(wanted, true), place);
        continue;
      }
      if (found === place) place = place.nextSibling;
      else old.insertBefore(found, place);
      sync(found, wanted);
    }
    while (place) {
      const next = place.nextSibling;
      place.remove();
      place = next;
    }
  };
  const flash = (element) => {
    changed.push(element.dataset.watch);
    if (calm.matches) return;
    element.classList.remove("changed");
    requestAnimationFrame(() => element.classList.add("changed"));
  };
  let changed = [];
  const rows = () => new Set([...region().querySelectorAll("tbody [data-key]")].map((row) => row.dataset.key));
  const announce = (before, after) => {
    const more = [...after].filter((key) => !before.has(key)).length;
    const gone = [...before].filter((key) => !after.has(key)).length;
    const told = [];
    if (more) told.push(`${more} more in the list`);
    if (gone) told.push(`${gone} gone from the list`);
    if (changed.length) told.push(`changed: ${changed.join(", ")}`);
    if (told.length) document.getElementById("announce").textContent = told.join(", ");
    changed = [];
  };

  // --- asking again ---
  let isOn = localStorage.getItem("studio-live") !== "off";
  let isAsking = false;
  let isOver = false;
  const look = async () => {
    if (!isOn || isAsking || document.hidden) return;
    isAsking = true;
    try {
      const answer = await fetch(location.href, { credentials: "same-origin", cache: "no-store", redirect: "error" });
      if (answer.status === 404) return over();
      if (!answer.ok) throw new Error(answer.status === 401 ? "Not let in" : "No answer");
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("live");
      if (!fresh || !isOn) return;
      const before = rows();
      sync(region(), document.importNode(fresh, true));
      setClock();
      tick();
      announce(before, rows());
      show();
    } catch (error) {
      show(error.message === "Not let in" ? error.message : "No answer");
    } finally {
      isAsking = false;
    }
  };
  const over = () => {
    isOn = false;
    isOver = true;
    clearTimeout(asking);
    document.getElementById("announce").textContent = "This session is over.";
    const said = document.createElement("p");
    said.className = "notice notice-warning";
    said.textContent = "This session is over: it expired or was ended. What you see is how it was last.";
    region().prepend(said);
    switcher.hidden = true;
  };
  const show = (failure = "") => {
    switcher.setAttribute("aria-pressed", String(isOn));
    switcher.classList.toggle("failing", Boolean(failure));
    switcher.lastChild.nodeValue = ` ${failure || "Live"}`;
    switcher.title = isOn ? "Updates by itself; press to stop that" : "Stands still; press to go on";
  };
  switcher.addEventListener("click", () => {
    isOn = !isOn;
    localStorage.setItem("studio-live", isOn ? "on" : "off");
    show();
    look();
  });
  document.addEventListener("visibilitychange", look);

  switcher.hidden = false;
  setClock();
  show();
  setInterval(() => {
    if (isOn && !document.hidden) tick();
  }, 1000);
  let asking = 0;
  const goOn = () => {
    asking = setTimeout(async () => {
      await look();
      if (!isOver) goOn();
    }, Number(region().dataset.live) * 1000);
  };
  goOn();
})();
