"use strict";

// Draw curves, and tell them in words.

const charts = new Map();

// `write` shows one point, or all is as before when it gets null; `words` gives a value as text.
function curve(box, name, points, words, write) {
  if (!points || points.times.length < 2) {
    if (!box.querySelector(".none")) box.append(make("span", "none", "A curve appears as values come in."));
    return;
  }
  box.querySelector(".none")?.remove();
  box.setAttribute("role", "img");
  box.setAttribute("aria-label", told(name, points, words));
  const data = [points.times, points.values];
  const kept = charts.get(box);
  if (kept) {
    kept.write = write;
    kept.plot.setData(data);
    return;
  }
  const plot = new uPlot({
    width: Math.max(60, box.clientWidth),
    height: box.clientHeight,
    padding: [4, 4, 4, 4],
    legend: { show: false },
    cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
    scales: { x: { time: true }, y: { range: (_, low, high) => spread(low, high) } },
    axes: [{ show: false }, { show: false }],
    series: [{}, {
      stroke: () => getComputedStyle(document.documentElement).getPropertyValue("--accent").trim(),
      fill: () => getComputedStyle(document.documentElement).getPropertyValue("--fill").trim(),
      width: 1.75,
      points: { show: false },
    }],
    hooks: {
      setCursor: [(u) => {
        const entry = charts.get(box);
        const at = u.cursor.idx;
        if (entry) entry.write(at === null || u.cursor.left < 0 ? null : { time: u.data[0][at], value: u.data[1][at] });
      }],
    },
  }, data, box);
  charts.set(box, { plot, write });
  plot.root.setAttribute("aria-hidden", "true");
}

// A curve in words.
function told(name, { times, values }, words) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return `${name} since ${clockTime(times[0])}: from ${words(values[0])} to ${words(values.at(-1))}, between ${words(low)} and ${words(high)}.`;
}

function spread(low, high) {
  if (low === null || high === null) return [0, 1];
  const room = (high - low) * 0.12 || Math.abs(high) * 0.02 || 1;
  return [low - room, high + room];
}

new ResizeObserver((entries) => {
  for (const [box, { plot }] of charts) {
    if (box.isConnected && box.clientWidth) plot.setSize({ width: box.clientWidth, height: box.clientHeight });
    if (!box.isConnected) { plot.destroy(); charts.delete(box); }
  }
}).observe(document.body);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const { plot } of charts.values()) plot.redraw();
});
