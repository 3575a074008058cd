// Plot of the arms of a search: all of them in grey, and what fresh seeds make of the picked ones.
const BETTER = { minimize: "smaller is better", maximize: "larger is better", neutral: "neither way is better" };

function cloudTrace(arms) {
  return {
    x: arms.map((arm) => arm.claimed[0]), y: arms.map((arm) => arm.claimed[1]), mode: "markers",
    marker: { color: "#8a8a8a", size: 6 }, opacity: 0.55, text: arms.map((arm) => plain(arm.name)),
    hovertemplate: "%{text}<br>claimed %{x:.4g}, %{y:.4g}<extra></extra>",
  };
}

const bar = ([mean, lo, hi], color) =>
  lo === null ? undefined : { type: "data", symmetric: false, array: [hi - mean], arrayminus: [mean - lo], color, thickness: 1.1, width: 3 };

function pickTraces(arm) {
  const claim = {
    x: [arm.claimed[0]], y: [arm.claimed[1]], mode: "markers",
    marker: { symbol: "circle-open", color: arm.colour, size: 10, line: { width: 1.6, color: arm.colour } },
    hovertemplate: `<b>${plain(arm.name)}</b><br>claimed %{x:.4g}, %{y:.4g}<extra></extra>`,
  };
  if (!arm.confirmed.length) return [claim];
  const [x, y] = arm.confirmed;
  return [
    { x: [arm.claimed[0], x[0]], y: [arm.claimed[1], y[0]], mode: "lines", hoverinfo: "skip", line: { color: arm.colour, width: 1 } },
    claim,
    {
      x: [x[0]], y: [y[0]], mode: "markers", marker: { symbol: "circle", color: arm.colour, size: 10 },
      error_x: bar(x, arm.colour), error_y: bar(y, arm.colour),
      hovertemplate: `<b>${plain(arm.name)}</b><br>confirmed %{x:.4g}, %{y:.4g}<extra></extra>`,
    },
  ];
}

const searchPlot = document.getElementById("search-plot");
if (searchPlot) {
  const { arms, axes } = data.search;
  const picked = arms.filter((arm) => arm.colour !== null);
  // Intervals over few seeds are so wide that showing them completely would squeeze everything else.
  const range = (index) => {
    const values = arms.flatMap((arm) => [arm.claimed[index], ...(arm.confirmed.length ? [arm.confirmed[index][0]] : [])]);
    const low = Math.min(...values), high = Math.max(...values), margin = 0.12 * (high - low || Math.abs(high) || 1);
    return arms.length ? [low - margin, high + margin] : [0, 1];
  };
  const titled = (index) => ({
    title: { text: `${axes[index].label}, ${BETTER[axes[index].direction]}`, standoff: 10, font: { size: 14 } },
    range: range(index), ...axisBase(), zeroline: false, ticks: "outside",
  });
  Plotly.react(searchPlot, [cloudTrace(arms.filter((arm) => arm.colour === null)), ...picked.flatMap(pickTraces)], {
    showlegend: false, margin: { l: 72, r: 18, t: 14, b: 62 }, hovermode: "closest", ...plotBase(),
    xaxis: titled(0), yaxis: titled(1),
  }, { ...config, toImageButtonOptions: { format: "svg", filename: "search" } });
}
