"use strict";
(() => {
  const root = document.documentElement;
  const all = (place, what) => [...place.querySelectorAll(what)];

  // Light, dark, or what the system says.
  const themes = ["system", "light", "dark"];
  const button = document.getElementById("theme");
  const remember = (value) => {
    try { localStorage.setItem("seatbelt-theme", value); } catch { /* a file may have no memory */ }
  };
  const remembered = () => {
    try { return localStorage.getItem("seatbelt-theme"); } catch { return null; }
  };
  const paint = (theme) => {
    if (theme === "system") delete root.dataset.theme;
    else root.dataset.theme = theme;
    button.querySelector("span").textContent = theme;
  };
  let theme = themes.includes(remembered()) ? remembered() : "system";
  paint(theme);
  button.hidden = false;
  button.addEventListener("click", () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    paint(theme);
    remember(theme);
  });

  // A link to what is folded away unfolds it.
  const unfold = () => {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    if (!target) return;
    for (let each = target; each; each = each.parentElement) {
      if (each.tagName === "DETAILS") each.open = true;
    }
    target.scrollIntoView();
  };
  addEventListener("hashchange", unfold);
  unfold();

  // Tables that a heading sorts.
  for (const table of all(document, "[data-sortable]")) {
    const buttons = all(table, "[data-sort]");
    buttons.forEach((each, number) => each.addEventListener("click", () => {
      const heading = each.closest("th");
      const up = heading.getAttribute("aria-sort") !== "ascending";
      for (const other of buttons) other.closest("th").removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", up ? "ascending" : "descending");
      const key = (row) => row.querySelectorAll("td")[number].dataset.key;
      const rows = all(table, "tbody tr");
      const numeric = rows.every((row) => key(row) === "" || !Number.isNaN(Number(key(row))));
      rows.sort((one, other) => {
        const [a, b] = [key(one), key(other)];
        if (a === "" || b === "") return (a === "") - (b === "");
        const order = numeric ? Number(a) - Number(b) : a.localeCompare(b);
        return up ? order : -order;
      });
      table.tBodies[0].append(...rows);
    }));
  }

  // The attack viewer: everything it says was written by the page's maker; here it is looked up.
  for (const viewer of all(document, "[data-viewer]")) {
    const attacks = JSON.parse(viewer.querySelector("script[type='application/json']").textContent);
    const part = (name) => viewer.querySelector(`[data-${name}]`);
    const [mode, choice, slider] = [part("mode"), part("pair"), part("slider")];
    const panels = all(viewer, "[data-panel]");
    const readings = all(viewer, "[data-reading]");
    const pair = () => attacks[mode.value].pairs[choice.value];
    const across = (number) => 100 * number / Math.max(1, pair().problems.length - 1);

    const show = () => {
      const { sprite, problems, shown } = pair();
      const at = Number(slider.value);
      const problem = problems[at];
      panels.forEach((panel, number) => {
        panel.setAttribute("viewBox", problem.windows[number]);
        panel.firstElementChild.setAttribute("href", `#${sprite}`);
      });
      readings.forEach((reading, number) => { reading.textContent = problem.readings[number]; });
      slider.setAttribute("aria-valuetext", problem.spoken);
      part("penalty").textContent = problem.penalty;
      part("where").classList.toggle("away", at !== shown);
      for (const end of ["x1", "x2"]) part("cursor").setAttribute(end, across(at));
    };
    const choose = (atShown) => {
      const { problems, shown, norm, l2 } = pair();
      slider.max = problems.length - 1;
      if (atShown) slider.value = shown;
      part("low").textContent = problems[0].penalty;
      part("high").textContent = problems[problems.length - 1].penalty;
      for (const [name, trace] of Object.entries({ norm, l2 })) {
        viewer.querySelector(`[data-line=${name}]`).setAttribute("points", trace.points);
        viewer.querySelector(`[data-top=${name}]`).textContent = trace.top;
      }
      for (const end of ["x1", "x2"]) part("mark").setAttribute(end, across(shown));
      show();
    };
    let wasShown = true;
    const change = (then) => () => { then(); choose(wasShown); };
    slider.addEventListener("input", () => {
      wasShown = Number(slider.value) === pair().shown;
      show();
    });
    mode.addEventListener("change", change(() => {
      const before = choice.selectedIndex;
      choice.replaceChildren(...attacks[mode.value].pairs.map(({ label }, number) =>
        new Option(label, number)));
      choice.selectedIndex = Math.min(before, choice.options.length - 1);
    }));
    choice.addEventListener("change", change(() => {}));
    part("return").addEventListener("click", () => {
      wasShown = true;
      choose(true);
      slider.focus();
    });
    for (const each of [viewer.querySelector(".controls"), viewer.querySelector(".slide")]) {
      each.hidden = false;
    }
    // A browser may fill in what was chosen before the page was loaded again.
    mode.selectedIndex = choice.selectedIndex = 0;
    choose(true);
  }
})();
