// Values under the pointer, and tables that one sorts.
"use strict";

const byId = (id) => document.getElementById(id);
const SHOWN = 200; // rows of a table at a time
const REACH = 14; // pixels within which a point answers
const digits = (value) =>
  typeof value !== "number" ? String(value ?? "") : value === 0 || (Math.abs(value) >= 1e-3 && Math.abs(value) < 1e6)
    ? String(Number(value.toPrecision(5)))
    : value.toExponential(3);

// The point or cell at a place (in parts of the picture): {panel, label, x, y, low, high, value, u, v}.
function under(u, v, width, height) {
  let best = null;
  for (const panel of FIGURE.panels) {
    const [left, top, right, bottom] = panel.box;
    const slack = 0.01;
    if (u < left - slack || u > right + slack || v < top - slack || v > bottom + slack) continue;
    for (const series of panel.points)
      series.u.forEach((pu, k) => {
        const away = Math.hypot((pu - u) * width, (series.v[k] - v) * height);
        if (away > REACH || (best && away >= best.away)) return;
        best = { away, panel, label: series.label, u: pu, v: series.v[k], x: series.x[k], y: series.y[k],
          low: series.low?.[k], high: series.high?.[k] };
      });
    if (best) continue;
    for (const map of panel.maps) {
      const [i, j] = [cell(map.u, u), cell(map.v, v)];
      if (i === null || j === null || map.values[j][i] === null) continue;
      best = { away: REACH, panel, label: "", u, v, x: map.x[i], y: map.y[j], value: map.values[j][i] };
    }
  }
  return best;
}

function cell(edges, place) {
  for (let k = 0; k + 1 < edges.length; k++)
    if ((place - edges[k]) * (place - edges[k + 1]) <= 0) return k;
  return null;
}

function words({ panel, label, x, y, low, high, value }) {
  const interval = low === undefined ? "" : ` (${digits(low)} to ${digits(high)})`;
  return [
    [panel.title, label].filter(Boolean).join(" · "),
    `${panel.x}: ${panel.named.x[x] ?? digits(x)}`,
    `${panel.y}: ${panel.named.y[y] ?? digits(y)}${interval}`,
    value === undefined ? "" : `colour: ${digits(value)}`,
  ].filter(Boolean);
}

function point(event) {
  const box = byId("stage").getBoundingClientRect();
  const [x, y] = [event.clientX - box.left, event.clientY - box.top];
  const found = under(x / box.width, y / box.height, box.width, box.height);
  const [tip, spot] = [byId("tip"), byId("spot")];
  tip.hidden = spot.hidden = !found;
  if (!found) return;
  tip.replaceChildren(...words(found).flatMap((line) => [line, document.createElement("br")]));
  spot.style.left = `${found.u * 100}%`;
  spot.style.top = `${found.v * 100}%`;
  tip.style.left = `${Math.min(x + 12, Math.max(0, box.width - tip.offsetWidth))}px`;
  tip.style.top = `${y + 16}px`;
}

function tableOf({ name, units, columns, rows, note }) {
  const section = document.createElement("section");
  section.innerHTML = `<h2></h2><p class="soft"></p><input type="search"><div class="frame" tabindex="0"><table><thead><tr></tr></thead><tbody></tbody></table></div><p class="soft"></p>`;
  const [about, count] = section.querySelectorAll("p");
  section.querySelector("h2").textContent = name;
  about.textContent = note;
  const search = section.querySelector("input");
  search.placeholder = "rows that contain …";
  search.setAttribute("aria-label", `Rows of ${name} that contain`);
  let order = { column: -1, down: false };
  const heads = columns.map((column, k) => {
    const head = document.createElement("th");
    const button = head.appendChild(document.createElement("button"));
    button.textContent = column;
    head.appendChild(document.createElement("span")).textContent = units[column] ?? "";
    button.addEventListener("click", () => {
      order = { column: k, down: order.column === k && !order.down };
      fill();
    });
    return head;
  });
  section.querySelector("tr").append(...heads);
  const fill = () => {
    const wanted = search.value.toLowerCase();
    const kept = rows.filter((row) => !wanted || row.some((value) => digits(value).toLowerCase().includes(wanted)));
    if (order.column >= 0) {
      const sign = order.down ? -1 : 1;
      const rank = (a, b) => (a === b ? 0 : a === null ? 1 : b === null ? -1 : a < b ? -sign : sign);
      kept.sort((a, b) => rank(a[order.column], b[order.column]));
    }
    heads.forEach((head, k) =>
      head.setAttribute("aria-sort", k !== order.column ? "none" : order.down ? "descending" : "ascending"));
    const body = section.querySelector("tbody");
    body.replaceChildren(...kept.slice(0, SHOWN).map((row) => {
      const line = document.createElement("tr");
      line.append(...row.map((value) => {
        const place = document.createElement("td");
        place.textContent = digits(value);
        place.title = String(value ?? "");
        return place;
      }));
      return line;
    }));
    count.textContent = `${Math.min(kept.length, SHOWN)} of ${kept.length} rows shown`;
  };
  search.addEventListener("input", fill);
  fill();
  return section;
}

document.querySelector("#stage img").src = FIGURE.picture;
for (const event of ["pointermove", "pointerdown"]) byId("stage").addEventListener(event, point);
byId("stage").addEventListener("pointerleave", () => (byId("tip").hidden = byId("spot").hidden = true));
byId("tables").append(...TABLES.map(tableOf));
