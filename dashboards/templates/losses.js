// Plot of the validation losses of every trial, with one legend entry per arm.
if (data.losses.length) {
  document.getElementById("loss-block").hidden = false;
  const seen = new Set();
  const traces = data.losses.map((trial) => {
    const isFirst = !seen.has(trial.arm);
    seen.add(trial.arm);
    return {
      x: trial.steps, y: trial.values, mode: "lines", name: plain(trial.arm), legendgroup: trial.arm, showlegend: isFirst,
      line: { color: trial.colour, width: 1.5 }, hovertemplate: `${plain(trial.arm)}, seed ${trial.seed}<br>step %{x}: %{y:.4g}<extra></extra>`,
    };
  });
  const axis = (title) => ({ title: { text: title, font: { size: 13 } }, gridcolor: GRID, zeroline: false });
  Plotly.newPlot("loss-plot", traces, {
    font, margin: { l: 72, r: 18, t: 8, b: 48 }, hovermode: "closest", legend: { font: { size: 12 } },
    xaxis: axis("step"), yaxis: axis("validation loss"),
  }, { ...config, displayModeBar: false });
}
